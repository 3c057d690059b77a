import { Chore, type Clock, type Logger } from '#base'
import { type EventId, type JsonObject, type JsonValue, MatrixError, type ServerName } from '#spec'
import {
  type Commit,
  type StagedEdu,
  type StagedPdu,
  type StagedTransactionsReader,
  type StagedTransactionsWriter,
  WriteConflict,
} from '#store'
import type { Edu, Edus } from './edus.ts'

/** The next step for one PDU of a transaction; undefined: nothing, and nothing is said about it. */
export type ExaminedPdu =
  | { readonly kind: 'staged'; readonly pdu: StagedPdu }
  | { readonly kind: 'known'; readonly eventId: EventId }
  | { readonly kind: 'refused'; readonly eventId: EventId; readonly error: string }
  | undefined

export interface TransactionContent {
  readonly pdus: readonly JsonValue[]
  readonly edus: readonly JsonValue[]
}

export interface ReceiveTransactionsParts {
  readonly reader: Pick<StagedTransactionsReader, 'answerTo'>
  readonly writer: Pick<StagedTransactionsWriter, 'receive'>
  readonly commit: Commit
  readonly clock: Clock
  readonly edus: Edus
  readonly rooms: {
    /** One outcome a PDU, in their order. */
    examine(origin: ServerName, pdus: readonly JsonValue[]): Promise<readonly ExaminedPdu[]>
    /** Told after the events are durable. */
    staged(pdus: readonly StagedPdu[]): void
  }
  readonly stagedEdus: {
    /** Throws `M_LIMIT_EXCEEDED` where too many of that server wait already. */
    mindLimit(origin: ServerName): void
    staged(origin: ServerName, count: number): void
  }
}

/**
 * Takes the transactions of other servers (server-server API, "Transactions"): what is in one is durable, with the answer, before it is answered, and is
 * looked at later. A repeated transaction gets the answer of the first.
 */
export class ReceiveTransactions {
  readonly #parts: ReceiveTransactionsParts
  readonly #underWay = new Map<string, Promise<string>>()

  constructor(parts: ReceiveTransactionsParts) {
    this.#parts = parts
  }

  /** Returns the answer as JSON. */
  async receive(origin: ServerName, txnId: string, content: TransactionContent): Promise<string> {
    const key = `${origin} ${txnId}`
    const before = this.#underWay.get(key)
    if (before !== undefined) return before
    const answer = this.#once(origin, txnId, content)
    this.#underWay.set(key, answer)
    try {
      return await answer
    } finally {
      this.#underWay.delete(key)
    }
  }

  async #once(origin: ServerName, txnId: string, content: TransactionContent): Promise<string> {
    const { reader } = this.#parts
    const answered = await reader.answerTo(origin, txnId)
    if (answered !== undefined) return answered
    try {
      return await this.#take(origin, txnId, content)
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind !== 'transaction-received') throw error
      return (await reader.answerTo(origin, txnId)) ?? JSON.stringify({ pdus: {} })
    }
  }

  async #take(origin: ServerName, txnId: string, { pdus, edus }: TransactionContent): Promise<string> {
    const { clock, commit, writer, rooms, stagedEdus } = this.#parts
    stagedEdus.mindLimit(origin)
    const examined = await rooms.examine(origin, pdus)
    const staged = examined.flatMap((each) => (each?.kind === 'staged' ? [each.pdu] : []))
    const read = edus.flatMap((edu) => this.#parts.edus.read(edu) ?? [])
    const kept = read.flatMap((edu) => (edu.volatile ? [] : [toStaged(origin, edu)]))
    const answerJson = JSON.stringify({ pdus: answersTo(examined) })
    const receivedMs = clock.nowMs()
    await commit([writer.receive({ origin, txnId, answerJson, receivedMs, pdus: staged, edus: kept })])
    rooms.staged(staged)
    stagedEdus.staged(origin, kept.length)
    for (const edu of read) if (edu.volatile) this.#parts.edus.takeLater(origin, edu)
    return answerJson
  }
}

const toStaged = (origin: ServerName, { type, content }: Edu): StagedEdu => ({
  ...{ origin, type, contentJson: JSON.stringify(content) },
})

const answersTo = (examined: readonly ExaminedPdu[]): JsonObject =>
  Object.fromEntries(
    examined.flatMap((each): readonly (readonly [string, JsonObject])[] => {
      if (each === undefined) return []
      if (each.kind === 'refused') return [[each.eventId, { error: each.error }]]
      return [[each.kind === 'staged' ? each.pdu.eventId : each.eventId, {}]]
    }),
  )

/** A server that sends faster than this one takes has to wait. */
export const tooMuchStaged = (): MatrixError =>
  new MatrixError('M_LIMIT_EXCEEDED', 'Much of what you sent before is still to be taken', {
    fields: { retry_after_ms: 30_000 },
    headers: { 'Retry-After': '30' },
  })

/** Servers repeat a transaction for as long as they get no answer, which they wait for longer and longer. */
const KEPT_MS = 24 * 3_600_000
const SWEEP_EVERY_MS = 600_000
const SWEPT_AT_ONCE = 1_000

/** The work that forgets transactions which are not repeated any more. */
export const transactionForgetting = (parts: {
  readonly writer: Pick<StagedTransactionsWriter, 'forget'>
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}): Chore =>
  new Chore({
    ...{ clock: parts.clock, logger: parts.logger },
    everyMs: SWEEP_EVERY_MS,
    failure: 'old transactions of other servers could not be forgotten',
    round: (chore) =>
      chore.inPieces(async () => {
        const [count] = await parts.commit([parts.writer.forget(parts.clock.nowMs() - KEPT_MS, SWEPT_AT_ONCE)])
        return count === SWEPT_AT_ONCE
      }),
  })
