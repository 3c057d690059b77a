import type { Account, StreamCall } from '../client/account.ts'
import { WaitingStream } from '../client/waiting-stream.ts'
import { nowMs, pauseMs } from '../measure/now.ts'
import { eachOf, emptyStretch, noteFailure, type Stretch } from '../measure/workers.ts'
import { patiently, setupWidth, type Target } from '../run/target.ts'
import { oneByOne } from './one-by-one.ts'
import { type Case, once, type Scenario } from './scenario.ts'
import { messageBody } from './send-load.ts'

const calls: readonly StreamCall[] = ['/events', '/sync']
const pollMs = 120_000
/** Time for every poll to arrive and go to sleep before the next message: the public API does not tell when it has. */
const settleMs = (streams: number): number => 500 + streams / 4
/** Who has not heard a message by then counts as a failure. */
const deafAfterMs = 30_000

/** A client that polls again as soon as it is answered. */
class Client {
  readonly #stream: WaitingStream
  readonly #account: Account
  readonly #call: StreamCall
  readonly #host: string
  #from: string | undefined
  #listening: { marker: string; heard: (atMs: number) => void } | undefined

  constructor(stream: WaitingStream, account: Account, call: StreamCall, host: string) {
    this.#stream = stream
    this.#account = account
    this.#call = call
    this.#host = host
  }

  /** Polls for ever, from now on. */
  async begin(failed: (error: unknown) => void): Promise<void> {
    const first = await this.#stream.ask(this.#request(0))
    this.#from = this.#tokenOf(first.body)
    void this.#poll(failed)
  }

  /** Calls `heard` once, when an answer with the marker is complete. */
  listenFor(marker: string, heard: (atMs: number) => void): void {
    this.#listening = { marker, heard }
  }

  close(): void {
    this.#stream.close()
  }

  async #poll(failed: (error: unknown) => void): Promise<void> {
    try {
      for (;;) {
        const { body, atMs } = await this.#stream.ask(this.#request(pollMs))
        this.#from = this.#tokenOf(body)
        if (this.#listening !== undefined && body.includes(this.#listening.marker)) {
          this.#listening.heard(atMs)
          this.#listening = undefined
        }
      }
    } catch (error) {
      failed(error)
    }
  }

  #request(timeoutMs: number): string {
    return this.#account.pollRequest(this.#call, this.#host, this.#from, timeoutMs)
  }

  /** `end` of `/events` stands behind `start`, which is a token too. Tokens are opaque, but no server puts quotes in them. */
  #tokenOf(body: string): string {
    const key = this.#call === '/sync' ? '"next_batch"' : '"end"'
    const at = body.indexOf('"', body.indexOf(':', body.lastIndexOf(key)) + 1) + 1
    if (at < 2) throw new Error(`an answer of ${this.#call} holds no ${key}`)
    return encodeURIComponent(body.slice(at, body.indexOf('"', at)))
  }
}

type Hall = { clients: Client[]; put: (marker: string) => Promise<void>; failures: unknown[] }
type Crowd = { members: Account[]; put: (marker: string) => Promise<void> }

async function gather(target: Target, users: number): Promise<Crowd> {
  const [sender, ...members] = await target.accounts(users + 1)
  if (sender === undefined) throw new Error('a hall needs a sender')
  const roomId = await target.roomWith([sender, ...members], `bench: streams of ${users} users`)
  await eachOf([sender, ...members], setupWidth, (member) => patiently(() => member.hide()))
  const path = sender.sendPath(roomId)
  return { members, put: async (marker) => void (await sender.put(path + marker, messageBody(marker))) }
}

async function openHall(target: Target, crowd: Crowd, call: StreamCall, streams: number): Promise<Hall> {
  const url = new URL(target.url)
  const hall: Hall = { clients: [], put: crowd.put, failures: [] }
  await eachOf(Array.from({ length: streams }), setupWidth, async (_, index) => {
    const account = crowd.members[index % crowd.members.length] as Account
    const client = new Client(await WaitingStream.open(url), account, call, url.host)
    hall.clients.push(client)
    await client.begin((error) => hall.failures.push(error))
  })
  await pauseMs(settleMs(streams))
  return hall
}

/** One message to all streams; adds the time from before the request to each receipt. Ends when all wait again. */
async function sendOnce(hall: Hall, marker: string, stretch: Stretch): Promise<void> {
  const sentMs = nowMs()
  const all = new Promise<void>((resolve) => {
    let missing = hall.clients.length
    const heard = (atMs: number): void => {
      stretch.operations += 1
      stretch.latenciesMs.push(atMs - sentMs)
      if (--missing === 0) resolve()
    }
    for (const client of hall.clients) client.listenFor(marker, heard)
  })
  const before = stretch.operations
  await hall.put(marker).catch((error: unknown) => noteFailure(stretch, error))
  await Promise.race([all, pauseMs(deafAfterMs)])
  const deaf = hall.clients.length - (stretch.operations - before)
  for (let missed = 0; missed < deaf; missed += 1)
    noteFailure(stretch, hall.failures[missed] ?? new Error(`a stream heard nothing within ${deafAfterMs / 1000} s`))
  await pauseMs(settleMs(hall.clients.length))
}

/**
 * Very many long polls, all woken by one message; each asks again at once, so that the server answers the last while the first are back.
 * Memory is that at the end, when all wait. Nobody is told of anybody's presence.
 */
export const wakeStreams: Scenario = {
  name: 'wake-streams',
  title: 'From send to many receipts',
  unit: 'receipts',
  shows: 'latency',
  twins: ['/sync', '/events'],
  cases: ({ target, seconds, scale }) =>
    scale.streams.flatMap(({ streams, users }) => {
      const crowd = once(() => gather(target, users))
      return calls.map((call): Case => {
        const hall = once(async () => openHall(target, await crowd(), call, streams))
        return {
          name: `${call}, ${streams} streams of ${users} users`,
          prepare: async () => void (await hall()),
          warmUp: async () => sendOnce(await hall(), target.unique(), emptyStretch()),
          async run() {
            const open = await hall()
            return oneByOne(seconds, (stretch) => sendOnce(open, target.unique(), stretch))
          },
          close: async () => {
            for (const client of (await hall()).clients) client.close()
          },
        }
      })
    }),
}
