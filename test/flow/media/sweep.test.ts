import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { mediaUser, picture, storedFiles } from './fixture.ts'
import { previewsOfLoopback, Site } from './site.ts'
import { hashOf, STORAGES, until } from './storage-kinds.ts'

describe.each(STORAGES)('a sweep of %s', (_name, open) => {
  it('takes what nothing names, and no more', async () => {
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

  it('takes nothing from uploads of the same bytes, whatever goes on at the same time', async () => {
    await using storage = await open()
    await using site = await Site.start()
    const clock = new SteppedClock()
    const settings = { ...storage.settings, urlPreviews: previewsOfLoopback }
    await using homeserver = await startHomeserver({ clock, settings })
    const alice = await mediaUser(homeserver, 'alice')
    const image = await picture(20, 20)
    site.pages.set('/x.png', { type: 'image/png', body: image })
    for (let round = 0; round < 3; round++) {
      const { 'og:image': uri } = await alice.client.get('/v1/media/preview_url', { url: site.url('/x.png') })
      const old = `download/${String(uri).slice(6)}`
      expect((await alice.get(old)).status).toBe(200)
      clock.advance(7 * 86_400_000 + 1)
      const uploads: string[] = []
      do uploads.push(await alice.upload(image))
      while ((await alice.get(old)).status === 200)
      for (const id of uploads) expect((await alice.get(`download/${id}`)).bytes.equals(image)).toBe(true)
    }
    expect(storage.files(homeserver)).toEqual([hashOf(image)])
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
