import type { EventId, RoomId, ServerName } from '#spec'
import type { Change } from '../engine/change.ts'

/** An event as another server sent it, before any check that takes long. */
export interface StagedPdu {
  readonly origin: ServerName
  readonly roomId: RoomId
  readonly eventId: EventId
  /** The PDU as JSON. */
  readonly pduJson: string
}

export interface StagedEdu {
  readonly origin: ServerName
  readonly type: string
  readonly contentJson: string
}

/** Rows in the order in which they came; `tries` counts the attempts that failed by a fault of this server. */
export type StagedPduRow = StagedPdu & { readonly staged: number; readonly tries: number }
export type StagedEduRow = StagedEdu & { readonly staged: number; readonly tries: number }

export interface ReceivedTransaction {
  readonly origin: ServerName
  readonly txnId: string
  readonly answerJson: string
  readonly receivedMs: number
  readonly pdus: readonly StagedPdu[]
  readonly edus: readonly StagedEdu[]
}

export interface StagedTransactionsReader {
  /** The answer to a transaction that was received before. */
  answerTo(origin: ServerName, txnId: string): Promise<string | undefined>
  /** The oldest staged events of a room. */
  stagedPdus(roomId: RoomId, limit: number): Promise<readonly StagedPduRow[]>
  /** Rooms with staged events, with their number by origin. Runs off the event loop. */
  stagedRooms(): Promise<readonly { readonly roomId: RoomId; readonly origin: ServerName; readonly pdus: number }[]>
  stagedEdus(origin: ServerName, limit: number): Promise<readonly StagedEduRow[]>
  /** Servers with staged EDUs. Runs off the event loop. */
  stagedOrigins(): Promise<readonly { readonly origin: ServerName; readonly edus: number }[]>
}

export interface StagedTransactionsWriter {
  /** Stores a transaction with what is to be done. Events that the same server staged before are skipped. Conflict: `transaction-received`. */
  receive(transaction: ReceivedTransaction): Change<void>
  removePdus(staged: readonly number[]): Change<void>
  removeEdus(staged: readonly number[]): Change<void>
  /** Counts an attempt at rows that stay. */
  countTries(kind: 'pdus' | 'edus', staged: readonly number[]): Change<void>
  /** Forgets transactions received before that time, at most so many. Returns the number. */
  forget(beforeMs: number, limit: number): Change<number>
}
