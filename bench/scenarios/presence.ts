import { type Account, nextBatch, presentFilter } from '../client/account.ts'
import { HttpClient } from '../client/http-client.ts'
import { nowMs, pauseMs } from '../measure/now.ts'
import { eachOf, emptyStretch, noteFailure, type Stretch } from '../measure/workers.ts'
import { patiently, setupWidth, type Target } from '../run/target.ts'
import { type Case, once, type Scenario } from './scenario.ts'

const pollMs = 30_000
/** How often a person's presence changes: comes, goes idle, comes back. */
const changeEveryMs = 300_000
/** That everybody came is told before measuring begins. */
const settleMs = 20_000
/** So many of the crowd look for the changes in what they are told; the others only take it. */
const watchers = 20

type Presence = 'online' | 'offline'

/** A user who waits in `/sync` all the time, and is told of the presence of the others. */
class Attendee {
  readonly account: Account
  readonly #presence: Presence
  #since = ''

  constructor(account: Account, presence: Presence) {
    this.account = account
    this.#presence = presence
  }

  async arrive(): Promise<void> {
    this.#since = nextBatch(await this.account.sync({ timeoutMs: 0, filter: presentFilter, presence: this.#presence }))
  }

  /** Until `signal` aborts. The first poll is the shortest for who stands first, so that polls do not end all at once. */
  async attend(firstPollMs: number, hear: (answer: string) => void, signal: AbortSignal): Promise<void> {
    for (let timeoutMs = firstPollMs; !signal.aborted; timeoutMs = pollMs) {
      const query = { since: this.#since, timeoutMs, filter: presentFilter, presence: this.#presence }
      const answer = await this.account.sync(query)
      this.#since = nextBatch(answer)
      hear(answer)
    }
  }
}

/** Changes on their way: for each marker, who has not been told yet. */
class Watch {
  readonly stretch: Stretch
  readonly #sentMs = new Map<string, number>()
  readonly #untold = new Map<string, Set<number>>()

  constructor(stretch: Stretch) {
    this.stretch = stretch
  }

  get untold(): number {
    return this.#untold.size
  }

  expect(marker: string): void {
    this.#sentMs.set(marker, nowMs())
    this.#untold.set(marker, new Set(Array.from({ length: watchers }, (_, index) => index)))
  }

  hear(watcher: number, answer: string): void {
    const heardMs = nowMs()
    for (const [marker, untold] of this.#untold) {
      if (!untold.has(watcher) || !answer.includes(marker)) continue
      untold.delete(watcher)
      this.stretch.operations += 1
      this.stretch.latenciesMs.push(heardMs - (this.#sentMs.get(marker) ?? heardMs))
      if (untold.size === 0) this.#untold.delete(marker)
    }
  }
}

type Crowd = {
  attendees: Attendee[]
  http: HttpClient
  /** What the watchers do with what they hear. */
  listen: (watch: Watch | undefined) => void
  leave: () => Promise<void>
}

async function openCrowd(target: Target, members: readonly Account[], presence: Presence): Promise<Crowd> {
  const http = new HttpClient(target.url, members.length)
  const attendees = members.map((member) => new Attendee(member.over(http), presence))
  await eachOf(attendees, setupWidth, (attendee) => patiently(() => attendee.arrive()))
  const going = new AbortController()
  let watch: Watch | undefined
  for (const [index, attendee] of attendees.entries()) {
    const hear = (answer: string): void => void (index < watchers && watch?.hear(index, answer))
    const firstPollMs = Math.floor((pollMs * (index + 1)) / attendees.length)
    attendee.attend(firstPollMs, hear, going.signal).catch((error: unknown) => {
      if (!going.signal.aborted && watch !== undefined) noteFailure(watch.stretch, error)
    })
  }
  return {
    attendees,
    http,
    listen: (next) => {
      watch = next
    },
    leave: async () => {
      going.abort()
      await http.close()
    },
  }
}

/** Everybody in turn changes what others see of them; waits at the end until the watchers were told, as long as a poll takes at most. */
async function change(crowd: Crowd, target: Target, seconds: number, stretch: Stretch): Promise<void> {
  const watch = new Watch(stretch)
  crowd.listen(watch)
  const everyMs = changeEveryMs / crowd.attendees.length
  const startMs = nowMs()
  for (let count = 0; nowMs() - startMs < seconds * 1000; count += 1) {
    // The watchers stand first and are left alone: nobody's own presence ends a poll.
    const who = crowd.attendees[watchers + (count % (crowd.attendees.length - watchers))]
    const marker = `bench ${target.unique()}.`
    watch.expect(marker)
    const state = count % 2 === 0 ? 'unavailable' : 'online'
    await who?.account
      .over(target.http)
      .setPresence(state, marker)
      .catch((error: unknown) => noteFailure(stretch, error))
    await pauseMs(Math.max(0, startMs + (count + 1) * everyMs - nowMs()))
  }
  stretch.elapsedMs = nowMs() - startMs
  while (watch.untold > 0 && nowMs() - startMs < seconds * 1000 + pollMs) await pauseMs(50)
  if (watch.untold > 0) noteFailure(stretch, new Error(`${watch.untold} changes were not told to everybody`))
  crowd.listen(undefined)
}

export const presence: Scenario = {
  name: 'presence',
  title: 'Presence in one room',
  unit: 'told',
  shows: 'latency',
  cases: ({ target, seconds, scale }) => {
    const count = scale.presentUsers
    const members = once(async () => {
      const accounts = await target.accounts(count)
      await target.roomWith(accounts, `bench: ${count} present`)
      return accounts
    })
    const crowdCase = (name: string, state: Presence, run: (crowd: Crowd, stretch: Stretch) => Promise<void>): Case => {
      const crowd = once(async () => openCrowd(target, await members(), state))
      return {
        name,
        prepare: async () => {
          await crowd()
          await pauseMs(settleMs)
        },
        async run() {
          const stretch = emptyStretch()
          await run(await crowd(), stretch)
          return stretch
        },
        close: async () => (await crowd()).leave(),
      }
    }
    return [
      crowdCase(`${count} waiting, nobody there`, 'offline', async (_crowd, stretch) => {
        await pauseMs(seconds * 1000)
        stretch.elapsedMs = seconds * 1000
      }),
      crowdCase(`${count} waiting, each a change in 5 min`, 'online', (crowd, stretch) =>
        change(crowd, target, seconds, stretch),
      ),
    ]
  },
}
