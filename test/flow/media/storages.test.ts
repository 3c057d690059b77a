import { randomBytes } from 'node:crypto'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'
import { mediaUser, picture } from './fixture.ts'
import { previewsOfLoopback, Site } from './site.ts'
import { hashOf, STORAGES } from './storage-kinds.ts'

describe.each(STORAGES)('media in %s', (_name, open) => {
  it('come back as they went, whole and in parts, after a restart too', async () => {
    await using storage = await open()
    await using homeserver = await startHomeserver({ settings: storage.settings })
    const alice = await mediaUser(homeserver, 'alice')
    // The last in more than one part.
    const all = await Promise.all(
      [0, 1, 1_000_000, 8_500_000].map(async (sizeBytes) => {
        const bytes = randomBytes(sizeBytes)
        return { bytes, id: await alice.upload(bytes, { type: 'text/plain', name: 'a.txt' }) }
      }),
    )
    await homeserver.restart()
    for (const { bytes, id } of all) {
      const whole = await alice.get(`download/${id}`)
      expect([whole.status, whole.bytes.equals(bytes)]).toEqual([200, true])
      expect(whole.headers.get('content-disposition')).toBe('inline; filename="a.txt"')
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
})
