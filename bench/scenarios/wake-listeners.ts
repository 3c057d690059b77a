import { type Account, listenerFilter, nextBatch } from '../client/account.ts'
import { HttpClient } from '../client/http-client.ts'
import { nowMs, pauseMs } from '../measure/now.ts'
import { eachOf, emptyStretch, noteFailure, type Stretch } from '../measure/workers.ts'
import { patiently, setupWidth, type Target } from '../run/target.ts'
import { oneByOne } from './one-by-one.ts'
import { type Case, once, type Scenario } from './scenario.ts'
import { messageBody } from './send-load.ts'

/** Time for every long-poll to arrive and go to sleep before the next message: the public API does not tell when it has. */
const settleMs = 250
const pollMs = 30_000
/** A listener that has not heard a message by then counts as a failure. */
const deafAfterMs = 30_000

/** A user who waits in `/sync`, as a client with lazy loading does. */
class Listener {
  readonly #account: Account
  #since = ''

  constructor(account: Account) {
    this.#account = account
  }

  async start(): Promise<void> {
    this.#since = nextBatch(await this.#account.sync({ timeoutMs: 0, filter: listenerFilter }))
  }

  /** Polls until an answer holds the marker; resolves with the moment that answer was complete. */
  async hear(marker: string): Promise<number> {
    const giveUpMs = nowMs() + deafAfterMs
    while (nowMs() < giveUpMs) {
      const answer = await this.#account.sync({ since: this.#since, timeoutMs: pollMs, filter: listenerFilter })
      const heardMs = nowMs()
      this.#since = nextBatch(answer)
      if (answer.includes(marker)) return heardMs
    }
    throw new Error(`a listener did not receive the message within ${deafAfterMs / 1000} s`)
  }
}

type Hall = { listeners: Listener[]; http: HttpClient; put: (marker: string) => Promise<void> }

async function openHall(target: Target, count: number): Promise<Hall> {
  const [sender, ...members] = await target.accounts(count + 1)
  if (sender === undefined) throw new Error('a hall needs a sender')
  const roomId = await target.roomWith([sender, ...members], `bench: ${count} listeners`)
  const http = new HttpClient(target.url, count)
  const listeners = members.map((member) => new Listener(member.over(http)))
  await eachOf(listeners, setupWidth, (listener) => patiently(() => listener.start()))
  const path = sender.sendPath(roomId)
  return {
    listeners,
    http,
    put: async (marker) => void (await sender.put(path + marker, messageBody(marker))),
  }
}

/** One message to all listeners; adds the time from before the request to each receipt. */
async function sendOnce(hall: Hall, marker: string, stretch: Stretch): Promise<void> {
  const waiting = hall.listeners.map((listener) => listener.hear(marker))
  const heard = Promise.allSettled(waiting)
  await pauseMs(settleMs)
  const sentMs = nowMs()
  await hall.put(marker).catch((error: unknown) => noteFailure(stretch, error))
  for (const receipt of await heard) {
    if (receipt.status === 'rejected') {
      noteFailure(stretch, receipt.reason)
    } else {
      stretch.operations += 1
      stretch.latenciesMs.push(receipt.value - sentMs)
    }
  }
}

export const wakeListeners: Scenario = {
  name: 'wake-listeners',
  title: 'From send to receipt in /sync',
  unit: 'receipts',
  shows: 'latency',
  cases: ({ target, seconds, scale }) =>
    scale.listeners.map((count): Case => {
      const hall = once(() => openHall(target, count))
      return {
        name: count === 1 ? '1 listener' : `${count} listeners`,
        prepare: async () => void (await hall()),
        warmUp: async () => sendOnce(await hall(), target.unique(), emptyStretch()),
        async run() {
          const open = await hall()
          return oneByOne(seconds, (stretch) => sendOnce(open, target.unique(), stretch))
        },
        close: async () => (await hall()).http.close(),
      }
    }),
}
