import { type Caller, enc } from '../growth/caller.ts'
import { lazyFilter } from '../growth/operations.ts'
import type { Scene } from '../growth/scene.ts'
import { nowMs, pauseMs } from '../measure/now.ts'
import { percentile } from '../measure/stats.ts'
import { Connection } from './connection.ts'
import { ms } from './first-answers.ts'
import type { Figure } from './sliding.ts'

const ROUNDS = 8
const POLL_MS = 30_000
/** Time for every long poll to arrive and go to sleep before the next message: the public API does not tell when it has. */
const SETTLE_MS = 1_500
const REGISTERED_AT_ONCE = 16
const MAY_BE_SLOWER = 1.2

interface Listener {
  /** The next answer, as text. */
  readonly hear: () => Promise<string>
}

/** From the sending of one message to the answers of all who wait for it: listeners of sliding sync, and as many of `/sync`, in turn. */
export const besideSync = async ({ server, alice, room }: Scene, count: number): Promise<readonly Figure[]> => {
  const crowd = await registered(server, room, count)
  const sliding = crowd.map((caller): Listener => {
    const connection = new Connection(caller, 'list')
    return { hear: async () => JSON.stringify(await connection.next(19, POLL_MS)) }
  })
  const syncing = crowd.map((caller): Listener => {
    let since = ''
    return {
      hear: async () => {
        const answer = await caller.get(`/sync?set_presence=offline&${lazyFilter}&timeout=${POLL_MS}${since}`)
        since = `&since=${String(answer.next_batch)}`
        return JSON.stringify(answer)
      },
    }
  })
  const found: Record<'sliding' | 'sync', number[]> = { sliding: [], sync: [] }
  for (const listener of [...sliding, ...syncing]) await listener.hear()
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, listeners] of [
      ['sync', syncing],
      ['sliding', sliding],
    ] as const) {
      const times = await hearing(alice, room, listeners, `round ${round} of ${name}`)
      // The first one warms up.
      if (round > 0) found[name].push(...times)
    }
  }
  const figures = (['p50', 'p99'] as const).map((name): Figure => {
    const share = name === 'p50' ? 0.5 : 0.99
    const [ours, theirs] = [found.sliding, found.sync].map((times) => percentile(sorted(times), share)) as [
      number,
      number,
    ]
    const ratio = ours / theirs
    return {
      name: `from send to the answers of ${count} listeners, ${name}`,
      value: `${ms(ours)}; /sync ${ms(theirs)}; ${ratio.toFixed(2)}x`,
      bound: `at most ${MAY_BE_SLOWER.toFixed(2)}x`,
      failed: ratio > MAY_BE_SLOWER,
    }
  })
  return figures
}

const sorted = (times: readonly number[]): Float64Array => Float64Array.from(times).sort()

/** Accounts with a device each, in the room and in no other. */
const registered = async (server: Scene['server'], room: string, count: number): Promise<readonly Caller[]> => {
  const crowd: Caller[] = []
  while (crowd.length < count) {
    const next = Array.from({ length: Math.min(REGISTERED_AT_ONCE, count - crowd.length) }, () => server.caller())
    await Promise.all(next.map((caller, index) => caller.register(`listener${crowd.length + index}`)))
    for (const caller of next) await caller.post(`/join/${enc(room)}`)
    crowd.push(...next)
  }
  return crowd
}

const hearing = async (
  alice: Caller,
  room: string,
  listeners: readonly Listener[],
  marker: string,
): Promise<readonly number[]> => {
  const heard = listeners.map(async ({ hear }) => {
    while (!(await hear()).includes(marker));
    return nowMs()
  })
  await pauseMs(SETTLE_MS)
  const sentMs = nowMs()
  await alice.send(room, marker)
  return (await Promise.all(heard)).map((atMs) => atMs - sentMs)
}
