import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { Answer, TestClient } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { atOnce, each, type Writes } from './together.ts'

const upload = (client: TestClient, bytes: string, path = '', method = 'POST'): Promise<Answer> =>
  client.request(method, `/_matrix/media/v3/upload${path}`, { body: bytes, headers: { 'content-type': 'text/plain' } })
const download = (client: TestClient, uri: string): Promise<string> =>
  client.get(`/v1/media/download/${uri.slice('mxc://'.length)}`)
/** A user has some uploads at once; those beyond are told to wait, and are no loss. */
const doneOf = (answers: readonly Answer[], refusal = [429, 'M_LIMIT_EXCEEDED']): readonly number[] => {
  const done = each((n) => n).filter((n) => answers[n]?.status === 200)
  const refused = answers.filter(({ status }) => status !== 200 && status !== 429)
  for (const { status, body } of refused) expect([status, body.errcode]).toEqual(refusal)
  expect(done).not.toEqual([])
  return done
}
const text = (): string => randomBytes(20_000).toString('hex')

const uploads: Writes = {
  'uploads: 32 files': async (home) => {
    const alice = await home.register('alice')
    const files = each(text)
    return {
      request: (n) => upload(alice, files[n] as string),
      after: async (answers) => {
        for (const n of doneOf(answers)) expect(await download(alice, answers[n]?.body.content_uri)).toBe(files[n])
      },
    }
  },
  'uploads: one file 32 times': async (home) => {
    const alice = await home.register('alice')
    const file = text()
    return {
      request: () => upload(alice, file),
      after: async (answers) => {
        const uris = doneOf(answers).map((n) => answers[n]?.body.content_uri)
        expect(new Set(uris).size).toBe(uris.length)
        for (const uri of uris) expect(await download(alice, uri)).toBe(file)
      },
    }
  },
  'uploads: to one announced address, once': async (home) => {
    const alice = await home.register('alice')
    const { content_uri } = await alice.post('/_matrix/media/v1/create')
    const files = each(text)
    return {
      request: (n) => upload(alice, files[n] as string, content_uri.slice('mxc:/'.length), 'PUT'),
      after: async (answers) => {
        const [stored, ...others] = doneOf(answers, [409, 'M_CANNOT_OVERWRITE_MEDIA'])
        expect(others).toEqual([])
        expect(await download(alice, content_uri)).toBe(files[stored ?? 0])
      },
    }
  },
  'uploads: addresses are announced within the limit': async (home) => {
    const alice = await home.register('alice')
    return {
      request: () => alice.request('POST', '/_matrix/media/v1/create', { body: {} }),
      after: async (answers) => {
        const uris = doneOf(answers).map((n) => answers[n]?.body.content_uri)
        expect(new Set(uris).size).toBe(uris.length)
        for (const uri of uris) {
          const { status, body } = await alice.request('GET', `/v1/media/download/${uri.slice('mxc://'.length)}`, {
            query: { timeout_ms: 0 },
          })
          expect([status, body.errcode]).toEqual([504, 'M_NOT_YET_UPLOADED'])
        }
      },
    }
  },
}

onEveryHomeserver('32 at once, none answered 500 and none lost', (start) => atOnce(start, uploads))
