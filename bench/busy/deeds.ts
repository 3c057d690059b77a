import { Agent, request } from 'node:http'

/** What others do, all of it in a thread of its own. */
export interface DeedOptions {
  readonly url: string
  /** Each makes syncs one after another. */
  readonly readers: readonly string[]
  readonly uploader: string
  /** 1 for the published figures. */
  readonly scale: number
  /** The deeds are repeated for at least so long. */
  readonly seconds: number
}

/** What was done, in words for the table; how often a request was not answered with success. */
export interface Done {
  readonly what: string
  readonly failed: number
  readonly firstError?: string
}

export type Deed = (options: DeedOptions) => Promise<Done>

const MEGABYTE = 1_000_000
const UPLOADS_BYTES = 200 * MEGABYTE
const FILE_BYTES = 10 * MEGABYTE
const UPLOADS_AT_ONCE = 4
const PEOPLE = 1_000
const REGISTRATIONS_AT_ONCE = 50

interface Asked {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly token?: string
  readonly body?: string | Buffer
}

/** Keeps nothing of long answers: only their length. */
class Crowd {
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: REGISTRATIONS_AT_ONCE })
  failed = 0
  firstError: string | undefined

  constructor(url: string) {
    this.#url = url
  }

  ask({ method, path, token, body }: Asked): Promise<{ status: number; text: string; bytes: number }> {
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': typeof body === 'string' ? 'application/json' : 'video/mp4' }),
    }
    return new Promise((resolve, reject) => {
      const asked = request(`${this.#url}${path}`, { method, agent: this.#agent, headers }, (response) => {
        let text = ''
        let bytes = 0
        response.on('data', (piece: Buffer) => {
          if (bytes < 10_000) text += piece.toString()
          bytes += piece.length
        })
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, bytes }))
      })
      asked.on('error', reject)
      asked.end(body)
    })
  }

  /** Does something for `seconds`, and at least `least` times, a few at once. Answers with how often. */
  async often(options: { seconds: number; least: number; atOnce: number }, task: () => Promise<unknown>) {
    const untilMs = performance.now() + options.seconds * 1_000
    let begun = 0
    const work = async (): Promise<void> => {
      while (begun < options.least || performance.now() < untilMs) {
        begun += 1
        await task().catch((error: unknown) => this.#note(error))
      }
    }
    await Promise.all(Array.from({ length: options.atOnce }, work))
    return begun
  }

  #note(error: unknown): void {
    this.failed += 1
    this.firstError ??= error instanceof Error ? error.message : String(error)
  }

  done(what: string): Done {
    this.#agent.destroy()
    return { what, failed: this.failed, ...(this.firstError === undefined ? {} : { firstError: this.firstError }) }
  }
}

const mustBe = (status: number, answer: { status: number; text: string }): void => {
  if (answer.status !== status) throw new Error(`answered ${answer.status}: ${answer.text.slice(0, 200)}`)
}

const upload: Deed = async ({ url, uploader, scale, seconds }) => {
  const crowd = new Crowd(url)
  const body = Buffer.alloc(FILE_BYTES, 'a film that nobody can make any smaller, and that differs each time')
  const path = '/_matrix/media/v3/upload?filename=film.mp4'
  const least = (UPLOADS_BYTES / FILE_BYTES) * scale
  let number = 0
  const files = await crowd.often({ seconds, least, atOnce: UPLOADS_AT_ONCE }, async () => {
    body.writeUInt32LE(++number)
    mustBe(200, await crowd.ask({ method: 'POST', path, token: uploader, body }))
  })
  return crowd.done(`${(files * FILE_BYTES) / MEGABYTE} MB`)
}

/** Each filter differs in a part without effect: no server may send an answer that it still has. */
const firstSyncs =
  (lazily: boolean): Deed =>
  async ({ url, readers, seconds }) => {
    const crowd = new Crowd(url)
    let number = 0
    let largest = 0
    const least = readers.length * 2
    const syncs = await crowd.often({ seconds, least, atOnce: readers.length }, async () => {
      const token = readers[number++ % readers.length] ?? ''
      const room = { state: { lazy_load_members: lazily } }
      const filter = JSON.stringify({ room, account_data: { not_types: [`org.example.${number}`] } })
      const path = `/_matrix/client/v3/sync?set_presence=offline&filter=${encodeURIComponent(filter)}`
      const answer = await crowd.ask({ method: 'GET', path, token })
      mustBe(200, answer)
      largest = Math.max(largest, answer.bytes)
    })
    return crowd.done(`${syncs} of ${(largest / MEGABYTE).toFixed(2)} MB`)
  }

const register: Deed = async ({ url, scale, seconds }) => {
  const crowd = new Crowd(url)
  const path = '/_matrix/client/v3/register'
  const word = Math.round(performance.timeOrigin + performance.now()).toString(36)
  let number = 0
  const people = await crowd.often({ seconds, least: PEOPLE * scale, atOnce: REGISTRATIONS_AT_ONCE }, async () => {
    const wish = { username: `${word}-${++number}`, password: `correct horse ${number}` }
    const asked = await crowd.ask({ method: 'POST', path, body: JSON.stringify(wish) })
    mustBe(401, asked)
    const auth = { type: 'm.login.dummy', session: (JSON.parse(asked.text) as { session: string }).session }
    mustBe(200, await crowd.ask({ method: 'POST', path, body: JSON.stringify({ ...wish, auth }) }))
  })
  return crowd.done(`${people} people`)
}

/** All at once; the shorter ones are repeated until 1,000 people are registered, and rest as long as they took. */
const everything: Deed = async (options) => {
  const registering = register(options)
  let isOver = false
  void registering.finally(() => {
    isOver = true
  })
  const again = async (deed: Deed): Promise<Done[]> => {
    const done: Done[] = []
    while (!isOver) {
      const startedMs = performance.now()
      done.push(await deed({ ...options, seconds: 0 }))
      const restMs = performance.now() - startedMs
      await Promise.race([registering, new Promise((resolve) => setTimeout(resolve, restMs))])
    }
    return done
  }
  const others = await Promise.all([again(upload), again(firstSyncs(true)), again(firstSyncs(false))])
  const done = [await registering, ...others.flat()]
  const firstError = done.find((one) => one.firstError !== undefined)?.firstError
  return {
    what: [done[0]?.what, ...others.map((deeds) => `${deeds.length} × ${deeds[0]?.what}`)].join(', '),
    failed: done.reduce((sum, { failed }) => sum + failed, 0),
    ...(firstError === undefined ? {} : { firstError }),
  }
}

const nothing: Deed = async ({ seconds }) => {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  return { what: '', failed: 0 }
}

export const DEEDS = {
  '(nothing else)': nothing,
  'uploads of 200 MB': upload,
  'first syncs, lazy': firstSyncs(true),
  'first syncs, all members': firstSyncs(false),
  'registrations of 1,000': register,
  'all of these': everything,
} as const satisfies Record<string, Deed>

export type DeedName = keyof typeof DEEDS
