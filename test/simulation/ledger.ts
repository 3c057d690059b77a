import { type EventId, MatrixError } from '#spec'
import { StoreUnavailable } from '#store'
import type { Operation } from './operations.ts'
import type { Replay } from './replay.ts'
import { insist, Violation } from './violation.ts'

type Outcome = 'under way' | 'done' | 'refused' | 'unknown'

interface Entry {
  readonly operation: Operation
  outcome: Outcome
  eventId: EventId | undefined
}

/** What the requests here may be refused with: they are all well formed. */
const EXPECTED: ReadonlySet<string> = new Set([
  'M_FORBIDDEN',
  'M_BAD_STATE',
  'M_INVALID_PARAM',
  'M_UNABLE_TO_GRANT_JOIN',
])

/** What clients were told of their requests, to be held against what is stored. */
export class Ledger {
  readonly #replay: Replay
  readonly #entries: Entry[] = []

  constructor(replay: Replay) {
    this.#replay = replay
  }

  get underWay(): readonly Entry[] {
    return this.#entries.filter(({ outcome }) => outcome === 'under way')
  }

  begin(operation: Operation): Entry {
    const entry: Entry = { operation, outcome: 'under way', eventId: undefined }
    this.#entries.push(entry)
    return entry
  }

  /** The client heard that it was done. What is acknowledged is stored by then. */
  done(entry: Entry, eventId: EventId | undefined): void {
    if (entry.outcome !== 'under way') return
    entry.outcome = 'done'
    entry.eventId = eventId
    if (eventId === undefined) return
    const { text, roomId } = entry.operation
    const room = this.#replay.eventRooms.get(eventId)
    insist(room !== undefined && room.roomId === roomId, () => `${text}: ${eventId} was acknowledged and is not there`)
  }

  /** Answers what the trace says of it. Anything but a refusal or a database that is not there is a fault. */
  failed(entry: Entry, error: unknown): string {
    if (entry.outcome !== 'under way') return 'too late'
    if (error instanceof StoreUnavailable) {
      entry.outcome = 'unknown'
      return `the store was ${error.reason}`
    }
    if (!(error instanceof MatrixError)) throw new Violation(`${entry.operation.text}: ${String(error)}`)
    entry.outcome = error.status >= 500 ? 'unknown' : 'refused'
    insist(EXPECTED.has(error.errcode), () => `${entry.operation.text}: ${error.errcode}, ${error.message}`)
    return error.errcode
  }

  /** The process was killed, or the client went away, before there was an answer. */
  forget(entry: Entry): void {
    if (entry.outcome === 'under way') entry.outcome = 'unknown'
  }

  /** At the end: each message and topic is there as often as its requests say. */
  check(): void {
    const stored = new Map<string, EventId[]>()
    const byTransaction = new Map<string, number>()
    for (const room of this.#replay.rooms.values()) {
      for (const { event, transaction } of room.events) {
        const mark = event.content.body ?? event.content.topic
        if (typeof mark === 'string') stored.set(mark, [...(stored.get(mark) ?? []), event.eventId])
        if (transaction !== undefined) byTransaction.set(transaction, (byTransaction.get(transaction) ?? 0) + 1)
      }
    }
    for (const [transaction, count] of byTransaction)
      insist(count === 1, () => `transaction ${transaction} made ${count} events`)
    for (const entry of this.#entries) this.#checkEntry(entry, stored)
  }

  #checkEntry({ operation, outcome, eventId }: Entry, stored: ReadonlyMap<string, readonly EventId[]>): void {
    const { mark, transaction, text } = operation
    insist(outcome !== 'under way', () => `${text}: was never answered`)
    if (mark === undefined) return
    const found = stored.get(mark) ?? []
    const others = this.#entries.filter((entry) => entry.operation.mark === mark)
    insist(found.length <= Math.max(1, others.length), () => `${text}: is there ${found.length} times`)
    const told = others.filter((entry) => entry.outcome === 'done')
    if (transaction !== undefined && outcome === 'done')
      insist(
        told.every((entry) => entry.eventId === eventId),
        () => `${text}: was answered by two events`,
      )
    if (others.every((entry) => entry.outcome === 'refused'))
      insist(found.length === 0, () => `${text}: was refused, and is there`)
  }
}

export type LedgerEntry = Entry
