import type { EventId, RoomId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from './events.ts'

/** A room, an event of a room, or a user (module "Reporting content"). */
export type ReportSubject =
  | { readonly kind: 'room'; readonly roomId: RoomId }
  | { readonly kind: 'event'; readonly roomId: RoomId; readonly eventId: EventId }
  | { readonly kind: 'user'; readonly userId: UserId }

export interface NewReport {
  readonly reporter: UserNumber
  readonly subject: ReportSubject
  readonly reason: string
  readonly reportedAtMs: number
  readonly isFounded: boolean
}

export interface ReportLimits {
  readonly ofReporter: number
  readonly ofAll: number
}

export interface StoredReport {
  readonly report: number
  readonly reporter: UserId
  readonly subject: ReportSubject
  readonly reason: string
  readonly reportedAtMs: number
  /** Whether the subject was known here when it was reported, and an event one that its reporter could see. */
  readonly isFounded: boolean
}

export interface ReportsQuery {
  readonly kind: ReportSubject['kind']
  readonly reporter?: UserId | undefined
  /** The room, in reports of events and rooms. */
  readonly roomId?: RoomId | undefined
  /** The user who was reported, or who sent the event that was. */
  readonly against?: UserId | undefined
  readonly direction: 'oldest-first' | 'newest-first'
  readonly offset: number
  readonly limit: number
}

/** A report, with what is known here of its subject. */
export interface ReportInContext extends StoredReport {
  /** Name of the room; empty where it has none or is not known. */
  readonly roomName: string
  readonly canonicalAlias: string
  /** Sender of the event that was reported. */
  readonly sender: UserId | undefined
}

export interface ReportsReader {
  /** Runs off the event loop. */
  page(query: ReportsQuery): Promise<{ readonly reports: readonly ReportInContext[]; readonly total: number }>
  report(report: number): Promise<ReportInContext | undefined>
  /** Newest first, older than the report `before`. */
  reports(before: number, limit: number): Promise<readonly StoredReport[]>
}

export interface ReportsWriter {
  /** A second report of one subject by one reporter replaces the first. Beyond the limits the oldest go. */
  add(report: NewReport, limits: ReportLimits): Change<void>
  /** Conflict: `report-unknown`. */
  remove(report: number): Change<void>
}
