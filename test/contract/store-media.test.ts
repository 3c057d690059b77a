import { expect, test } from 'vitest'
import type { UserId } from '#spec'
import { type MediaContent, type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const user = async (store: Store, name: string): Promise<number> => {
  const [number] = await store.commit([
    writers.accounts.create({
      userId: `@${name}:test` as UserId,
      passwordHash: undefined,
      guest: false,
      admin: false,
      createdAtMs: 1,
    }),
  ])
  return number
}
const contentOf = (sha256: string, sizeBytes = 10): MediaContent => ({
  sha256,
  sizeBytes,
  contentType: 'text/plain',
  fileName: undefined,
})
const { media } = writers

onEveryDatabase('media', (open) => {
  test('share one file, which goes with the last of them and takes its thumbnails along', async () => {
    const store = await open()
    const alice = await user(store, 'alice')
    const one = { user: alice, atMs: 1, quotaBytes: undefined, content: contentOf('same') }
    await store.commit([media.add({ ...one, mediaId: 'a' }), media.add({ ...one, mediaId: 'b' })])
    await store.commit([media.addThumbnail('same', { variant: 'x', contentType: 'image/png', sizeBytes: 3 })])
    await store.commit([media.addThumbnail('same', { variant: 'x', contentType: 'image/jpeg', sizeBytes: 4 })])
    expect(await store.media.thumbnail('same', 'x')).toEqual({ variant: 'x', contentType: 'image/png', sizeBytes: 3 })
    expect(await store.media.bytesOf(alice)).toBe(20)
    expect(await store.commit([media.remove('a')])).toEqual([undefined])
    expect(await store.media.hasFile('same')).toBe(true)
    expect(await store.commit([media.remove('b')])).toEqual([{ sha256: 'same', variants: ['x'] }])
    expect(await store.commit([media.remove('b')])).toEqual([undefined])
    expect([await store.media.hasFile('same'), await store.media.thumbnail('same', 'x')]).toEqual([false, undefined])
    expect(await store.media.bytesOf(alice)).toBe(0)
    const late = store.commit([media.addThumbnail('same', { variant: 'y', contentType: 'image/png', sizeBytes: 3 })])
    await expect(late).rejects.toMatchObject({ kind: 'media-unknown' })
  })

  test('are counted for each user, together in one commit too', async () => {
    const store = await open()
    const alice = await user(store, 'alice')
    const add = (mediaId: string, sizeBytes: number) =>
      media.add({ mediaId, user: alice, atMs: 1, quotaBytes: 100, content: contentOf(mediaId, sizeBytes) })
    await store.commit([add('a', 60)])
    await expect(store.commit([add('b', 20), add('c', 21)])).rejects.toMatchObject({ kind: 'media-quota' })
    expect(await store.media.media('b')).toBeUndefined()
    await store.commit([add('b', 20), add('c', 20)])
    expect(await store.media.bytesOf(alice)).toBe(100)
  })

  test('that were announced are filled once, in time, by who announced them', async () => {
    const store = await open()
    const [alice, bob] = [await user(store, 'alice'), await user(store, 'bob')]
    const announce = (mediaId: string, atMs: number) =>
      media.announce({ mediaId, user: alice, atMs, expiresAtMs: atMs + 100, limit: 2 })
    const fill = (mediaId: string, who: number, atMs: number) =>
      media.fill({ mediaId, user: who, atMs, quotaBytes: undefined, content: contentOf(`of-${mediaId}`) })
    await store.commit([announce('a', 0), announce('b', 50)])
    await expect(store.commit([announce('c', 99)])).rejects.toMatchObject({ kind: 'media-pending' })
    expect(await store.media.media('a')).toMatchObject({ content: undefined, expiresAtMs: 100 })
    await expect(store.commit([fill('a', bob, 1)])).rejects.toMatchObject({ kind: 'media-foreign' })
    await expect(store.commit([fill('a', alice, 100)])).rejects.toMatchObject({ kind: 'media-unknown' })
    await expect(store.commit([fill('never', alice, 1)])).rejects.toMatchObject({ kind: 'media-unknown' })
    await store.commit([fill('b', alice, 149)])
    await expect(store.commit([fill('b', alice, 149)])).rejects.toMatchObject({ kind: 'media-uploaded' })
    expect(await store.media.media('b')).toMatchObject({ content: { sha256: 'of-b' }, expiresAtMs: undefined })
    // What expired makes room, and is gone.
    await store.commit([announce('c', 100), announce('d', 100)])
    expect(await store.media.media('a')).toBeUndefined()
  })

  test('that expired are forgotten, and files are told from what no row names', async () => {
    const store = await open()
    const alice = await user(store, 'alice')
    const announce = (mediaId: string, expiresAtMs: number) =>
      media.announce({ mediaId, user: alice, atMs: 0, expiresAtMs, limit: 9 })
    await store.commit([announce('early', 10), announce('late', 20), announce('filled', 10)])
    const content = contentOf('same')
    await store.commit([media.fill({ mediaId: 'filled', user: alice, atMs: 1, quotaBytes: undefined, content })])
    await store.commit([media.addThumbnail('same', { variant: 'x', contentType: 'image/png', sizeBytes: 3 })])
    await store.commit([media.dropExpired(10)])
    const left = await Promise.all(['early', 'late', 'filled'].map((mediaId) => store.media.media(mediaId)))
    expect(left.map((record) => record?.mediaId)).toEqual([undefined, 'late', 'filled'])
    expect(await store.media.named(['same', 'same.x', 'same.y', 'other', 'other.x'])).toEqual(
      new Set(['same', 'same.x']),
    )
    expect(await store.media.named(['other'])).toEqual(new Set())
  })
})
