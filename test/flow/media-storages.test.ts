import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { ObjectStore } from '../support/object-store.ts'
import { SteppedClock } from '../support/stepped-clock.ts'
import { type MediaUser, mediaUser, picture, storedFiles } from './media-fixture.ts'
import { previewsOfLoopback, Site } from './media-site.ts'

interface Storage {
  readonly settings: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** The names of what is kept. */
  files(homeserver: TestHomeserver): readonly string[]
  [Symbol.asyncDispose](): Promise<void>
}
const KINDS: readonly (readonly [string, () => Promise<Storage>])[] = [
  ['a folder', async () => ({ settings: {}, files: storedFiles, [Symbol.asyncDispose]: async () => {} })],
  [
    'a store of objects',
    async () => {
      const store = await ObjectStore.start()
      return {
        settings: { s3: store.settings },
        files: (homeserver) => [...store.objects, ...spooled(homeserver)],
        [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
      }
    },
  ],
]
const spooled = (homeserver: TestHomeserver): readonly string[] =>
  readdirSync(join(homeserver.dataFolder, 'media-spool'))
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')
const until = async (user: MediaUser, holds: () => boolean): Promise<void> => {
  while (!holds()) await user.client.get('/v3/account/whoami')
}

describe.each(KINDS)('media in %s', (_name, open) => {
  it('come back as they went, whole and in parts, after a restart too', async () => {
    await using storage = await open()
    await using homeserver = await startHomeserver({ settings: storage.settings })
    const alice = await mediaUser(homeserver, 'alice')
    // The last in more than one part.
    const all = await Promise.all(
      [0, 1, 1_000_000, 12_000_000].map(async (sizeBytes) => {
        const bytes = randomBytes(sizeBytes)
        return { bytes, id: await alice.upload(bytes, { type: 'text/plain', name: 'a.txt' }) }
      }),
    )
    await homeserver.restart()
    for (const { bytes, id } of all) {
      const whole = await alice.get(`download/${id}`)
      expect([whole.status, whole.bytes.equals(bytes)]).toEqual([200, true])
      expect(whole.headers.get('content-disposition')).toBe('inline; filename="a.txt"')
      expect((await alice.getOld(`download/${id}`)).bytes.equals(bytes)).toBe(true)
      expect(storage.files(homeserver)).toContain(hashOf(bytes))
      if (bytes.length < 2) continue
      const range = await alice.get(`download/${id}`, { range: 'bytes=7-65530' })
      expect([range.status, range.bytes.equals(bytes.subarray(7, 65_531))]).toEqual([206, true])
    }
  })

  it('are kept once however often they come, and leave nothing where they are refused', async () => {
    await using storage = await open()
    const media = { uploadSize: '64KiB', userQuota: '150KiB' }
    await using homeserver = await startHomeserver({ settings: { ...storage.settings, media } })
    const alice = await mediaUser(homeserver, 'alice')
    const bytes = randomBytes(50_000)
    await Promise.all([1, 2].map(() => alice.upload(bytes)))
    expect(storage.files(homeserver)).toEqual([hashOf(bytes)])
    expect(await alice.tryUpload(new Blob([randomBytes(65_537)]).stream())).toMatchObject({ status: 413 })
    expect(await alice.tryUpload(new Blob([randomBytes(60_000)]).stream())).toMatchObject({ status: 403 })
    expect(storage.files(homeserver)).toEqual([hashOf(bytes)])
  })

  it('have thumbnails, made once', async () => {
    await using storage = await open()
    await using homeserver = await startHomeserver({ settings: storage.settings })
    const alice = await mediaUser(homeserver, 'alice')
    const id = await alice.upload(await picture(500, 400, 'jpeg'))
    const wish = `thumbnail/${id}?width=96&height=96&method=crop`
    const made = await Promise.all([1, 2, 3].map(() => alice.get(wish)))
    await homeserver.restart()
    const [first, ...others] = [...made, await alice.get(wish)]
    expect(await sharp(first?.bytes).metadata()).toMatchObject({ width: 96, height: 96 })
    for (const { bytes } of others) expect(first?.bytes.equals(bytes)).toBe(true)
    const part = await alice.get(wish, { range: 'bytes=0-9' })
    expect([part.status, part.bytes.length]).toEqual([206, 10])
    expect(storage.files(homeserver)).toHaveLength(2)
  })

  it('may be announced first, and are pictures of previews', async () => {
    await using storage = await open()
    await using site = await Site.start()
    await using homeserver = await startHomeserver({
      settings: { ...storage.settings, urlPreviews: previewsOfLoopback },
    })
    const alice = await mediaUser(homeserver, 'alice')
    const { content_uri: uri } = await alice.client.post('/_matrix/media/v1/create')
    const path = `/_matrix/media/v3/upload/${String(uri).slice(6)}`
    const waiting = alice.get(`download/${String(uri).slice(6)}`)
    expect((await alice.tryUpload(Buffer.from('late'), { path, method: 'PUT' })).status).toBe(200)
    expect((await waiting).bytes.toString()).toBe('late')
    site.pages.set('/x.png', { type: 'image/png', body: await picture(9, 9) })
    const preview = await alice.client.get('/v1/media/preview_url', { url: site.url('/x.png') })
    expect(preview['og:image:width']).toBe(9)
    expect(storage.files(homeserver)).toHaveLength(2)
  })

  it('that nothing names are swept, and no others', async () => {
    await using storage = await open()
    await using site = await Site.start()
    const clock = new SteppedClock()
    await using homeserver = await startHomeserver({
      clock,
      settings: { ...storage.settings, urlPreviews: previewsOfLoopback },
    })
    const alice = await mediaUser(homeserver, 'alice')
    const kept = await alice.upload(await picture(300, 300))
    await alice.get(`thumbnail/${kept}?width=32&height=32&method=crop`)
    const { content_uri: announced } = await alice.client.post('/_matrix/media/v1/create')
    const named = storage.files(homeserver).toSorted()
    expect(named).toHaveLength(2)
    // A preview whose time is over leaves its picture and the thumbnail of it.
    const image = await picture(200, 100)
    site.pages.set('/x.png', { type: 'image/png', body: image })
    const { 'og:image': uri } = await alice.client.get('/v1/media/preview_url', { url: site.url('/x.png') })
    await alice.get(`thumbnail/${String(uri).slice(6)}?width=32&height=32&method=crop`)
    expect(storage.files(homeserver)).toHaveLength(4)
    clock.advance(7 * 86_400_000 + 1)
    // Swept each six hours: the clock has set it off. What comes meanwhile stays.
    const during = await Promise.all([1, 2, 3, 4].map((byte) => alice.upload(Buffer.alloc(1_000, byte))))
    await until(alice, () => storage.files(homeserver).length === named.length + during.length)
    expect(storage.files(homeserver)).toEqual(expect.arrayContaining([...named]))
    for (const id of [kept, ...during]) expect((await alice.get(`download/${id}`)).status).toBe(200)
    expect((await alice.get(`download/${String(uri).slice(6)}`)).status).toBe(404)
    expect((await alice.get(`download/${String(announced).slice(6)}?timeout_ms=0`)).status).toBe(404)
  })
})

describe('a folder', () => {
  it('loses what a crash left without a row, once it is old enough', async () => {
    await using homeserver = await startHomeserver()
    const alice = await mediaUser(homeserver, 'alice')
    const id = await alice.upload(Buffer.from('kept'))
    const place = (name: string, ageMs: number): void => {
      const folder = join(homeserver.dataFolder, 'media', name.slice(0, 2), name.slice(2, 4))
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, name), 'left')
      const at = (Date.now() - ageMs) / 1_000
      utimesSync(join(folder, name), at, at)
    }
    const orphans = [
      hashOf(Buffer.from('a')),
      `${hashOf(Buffer.from('kept'))}.scale-96x96`,
      `${hashOf(Buffer.from('b'))}.crop-32x32`,
    ]
    for (const orphan of orphans) place(orphan, 2 * 3_600_000)
    place('young-and-on-its-way-to-a-row', 60_000)
    place('not ours.txt', 2 * 3_600_000)
    await homeserver.restart()
    await until(alice, () => storedFiles(homeserver).length === 3)
    expect(storedFiles(homeserver).toSorted()).toEqual(
      [hashOf(Buffer.from('kept')), 'not ours.txt', 'young-and-on-its-way-to-a-row'].toSorted(),
    )
    expect((await alice.get(`download/${id}`)).bytes.toString()).toBe('kept')
  })
})
