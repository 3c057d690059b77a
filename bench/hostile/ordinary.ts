import { nowMs } from '../measure/now.ts'
import { percentile } from '../measure/stats.ts'
import { Attacker } from './attacker.ts'

export interface Latencies {
  readonly messages: number
  /** All latencies of sends, wakes and syncs, in milliseconds. */
  readonly allMs: readonly number[]
  readonly sendP99Ms: number
  /** From the send to the answer of the other's waiting sync. */
  readonly wakeP99Ms: number
  /** A sync that waits for nothing. */
  readonly syncP99Ms: number
}

/** A message follows after so long at the earliest. */
const EVERY_MS = 30
const WAIT_MS = 20_000

/** Two people who talk in a room of theirs, while others do what they like. */
export class Ordinary {
  readonly #writer: Attacker
  readonly #reader: Attacker
  #roomId = ''
  #since = ''

  constructor(url: string, name: string) {
    this.#writer = new Attacker(url, `${name}-writer`)
    this.#reader = new Attacker(url, `${name}-reader`)
  }

  async meet(): Promise<void> {
    await this.#writer.register()
    await this.#reader.register()
    this.#roomId = await this.#writer.room({ preset: 'public_chat' })
    await this.#reader.must('POST', `/v3/join/${encodeURIComponent(this.#roomId)}`, { body: {} })
    this.#since = String((await this.#reader.must('GET', '/v3/sync')).next_batch)
  }

  /** Talks until `over` resolves. Throws where the server refuses or is silent. */
  async talk(over: Promise<unknown>): Promise<Latencies> {
    let isOver = false
    void over.finally(() => {
      isOver = true
    })
    const [sends, wakes, syncs]: [number[], number[], number[]] = [[], [], []]
    while (!isOver || sends.length === 0) {
      const startedMs = nowMs()
      const woken = this.#sync(WAIT_MS).then(() => wakes.push(nowMs() - startedMs))
      // A server that dies fails the send as well, and that is told.
      woken.catch(() => {})
      await this.#writer.send(this.#roomId, { msgtype: 'm.text', body: 'hello' })
      sends.push(nowMs() - startedMs)
      await woken
      const syncedMs = nowMs()
      await this.#sync(0)
      syncs.push(nowMs() - syncedMs)
      const restMs = EVERY_MS - (nowMs() - startedMs)
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
    }
    const allMs = [...sends, ...wakes, ...syncs]
    return { messages: sends.length, allMs, sendP99Ms: p99(sends), wakeP99Ms: p99(wakes), syncP99Ms: p99(syncs) }
  }

  async #sync(timeoutMs: number): Promise<void> {
    const path = `/v3/sync?since=${encodeURIComponent(this.#since)}&timeout=${timeoutMs}`
    this.#since = String((await this.#reader.must('GET', path)).next_batch)
  }

  close(): void {
    this.#writer.close()
    this.#reader.close()
  }
}

const p99 = (samples: number[]): number =>
  percentile(
    samples.sort((one, other) => one - other),
    0.99,
  )
