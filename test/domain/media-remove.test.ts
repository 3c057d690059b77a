import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { silentLogger, systemClock, systemRandom } from '#base'
import { Media, StoredBytes } from '#domain'
import type { ServerName } from '#spec'
import { openMediaFolder, openStore, writers } from '#store'

const limits = { uploadBytes: 1_000_000, userQuotaBytes: undefined, pendingUploads: 5, pendingLifetimeMs: 1_000 }
const uploadOf = (text: string) => ({
  stream: Readable.from([Buffer.from(text)]),
  lengthBytes: undefined,
  contentType: undefined,
  fileName: undefined,
})
const idIn = (uri: string): string => uri.split('/')[3] ?? ''

describe('media that are removed', () => {
  it('leave their bytes to others that have the same, whatever goes on at the same time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'homeroom-media-'))
    const store = await openStore({
      url: `sqlite:${join(folder, 'db', 'x.db')}`,
      clock: systemClock,
      logger: silentLogger,
    })
    try {
      const files = await openMediaFolder(join(folder, 'media'), systemRandom)
      const previews = { reader: store.urlPreviews, writer: writers.urlPreviews }
      const kept = { reader: store.media, writer: writers.media, previews, commit: store.commit, files }
      const bytes = new StoredBytes(kept)
      const ground = { clock: systemClock, random: systemRandom }
      const media = new Media(kept, bytes, 'x.test' as ServerName, limits, ground)
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
