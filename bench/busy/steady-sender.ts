import type { Account } from '../client/account.ts'
import { nowMs } from '../measure/now.ts'
import { messageBody } from '../scenarios/send-load.ts'

const EVERY_MS = 20

export interface Sends {
  /** Nobody waits for an earlier answer: a server that stands still delays every message that is due meanwhile. */
  readonly latenciesMs: readonly number[]
  readonly failed: number
  readonly firstError?: string
}

/** Sends at a steady pace, whether or not earlier messages were answered, each by the next of the senders, until `over`. */
export const sendSteadily = async (
  senders: readonly Account[],
  roomId: string,
  over: Promise<unknown>,
): Promise<Sends> => {
  let isOver = false
  void over.finally(() => {
    isOver = true
  })
  const latenciesMs: number[] = []
  let failed = 0
  let firstError: string | undefined
  const underWay: Promise<void>[] = []
  const word = `steady-${Math.round(performance.timeOrigin + nowMs())}`
  const startMs = nowMs()
  for (let number = 0; !isOver; number += 1) {
    const dueMs = startMs + number * EVERY_MS
    const restMs = dueMs - nowMs()
    if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs))
    const sender = senders[number % senders.length]
    if (sender === undefined) throw new Error('nobody sends')
    // The bench's own lateness is not the server's.
    const sentMs = nowMs()
    underWay.push(
      sender.put(`${sender.sendPath(roomId)}${word}-${number}`, messageBody(`${word}-${number}`)).then(
        () => void latenciesMs.push(nowMs() - sentMs),
        (error: unknown) => {
          failed += 1
          firstError ??= error instanceof Error ? error.message : String(error)
        },
      ),
    )
  }
  await Promise.all(underWay)
  return { latenciesMs, failed, ...(firstError === undefined ? {} : { firstError }) }
}
