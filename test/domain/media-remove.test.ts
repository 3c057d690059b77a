import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { KeyedLock, Sealer, silentLogger, systemClock, systemRandom } from '#base'
import { Media, StoredBytes } from '#domain'
import type { ServerName } from '#spec'
import { openMediaFolder, openStore, SharedTurns, ShortLivedTables, type Store, type Turns, writers } from '#store'

const limits = { uploadBytes: 1_000_000, userQuotaBytes: undefined, pendingUploads: 5, pendingLifetimeMs: 1_000 }
const uploadOf = (text: string) => ({
  stream: Readable.from([Buffer.from(text)]),
  lengthBytes: undefined,
  contentType: undefined,
  fileName: undefined,
})
const idIn = (uri: string): string => uri.split('/')[3] ?? ''

/** As one of several processes has them. */
const sharedTurns = ({ shortLived: reader, commit }: Store): Turns => {
  const ground = { clock: systemClock, random: systemRandom }
  const sealer = new Sealer({ key: new Uint8Array(32), random: systemRandom })
  const tables = new ShortLivedTables({ reader, writer: writers.shortLived, commit, sealer, ...ground })
  return new SharedTurns({
    table: tables.table('media-turn', { lifetimeMs: 60_000 }),
    clock: systemClock,
    owner: 'one',
  })
}

describe('media that are removed', () => {
  it.each([
    ['in one process', false],
    ['in two processes', true],
  ])('leave their bytes to others that have the same, whatever goes on at the same time %s', async (_, isShared) => {
    const folder = mkdtempSync(join(tmpdir(), 'homeroom-media-'))
    const store = await openStore({
      url: `sqlite:${join(folder, 'db', 'x.db')}`,
      clock: systemClock,
      logger: silentLogger,
    })
    try {
      const files = await openMediaFolder(join(folder, 'media'), systemRandom)
      const previews = { reader: store.urlPreviews, writer: writers.urlPreviews }
      const remote = { reader: store.remoteMedia, writer: writers.remoteMedia }
      const kept = { reader: store.media, writer: writers.media, previews, remote, commit: store.commit, files }
      const ground = { clock: systemClock, random: systemRandom }
      const bytes = new StoredBytes({ store: kept, turns: isShared ? sharedTurns(store) : new KeyedLock() })
      const others = isShared ? new StoredBytes({ store: kept, turns: sharedTurns(store) }) : bytes
      const media = new Media({ store: kept, bytes: others, serverName: 'x.test' as ServerName, limits, ...ground })
      const stored = (): number =>
        readdirSync(join(folder, 'media'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
          .length
      const patience = { timeoutMs: 0, signal: new AbortController().signal }

      let last = idIn(await media.upload(1, uploadOf('same')))
      for (let round = 0; round < 20; round++) {
        const [, uri] = await Promise.all([bytes.remove(last), media.upload(1, uploadOf('same'))])
        last = idIn(uri)
        const { sha256 } = await media.find('x.test', last, patience)
        expect((await (await media.open(sha256)).toArray()).join('')).toBe('same')
      }
      expect(stored()).toBe(1)
      await bytes.remove(last)
      expect(stored()).toBe(0)
      await expect(media.find('x.test', last, patience)).rejects.toMatchObject({ errcode: 'M_NOT_FOUND' })
      await bytes.remove(last)
    } finally {
      await store.close()
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
