import type { Clock } from '#base'
import type { UserId } from '#spec'
import type {
  AccountsReader,
  Commit,
  EventsReader,
  MembersReader,
  ReportLimits,
  ReportSubject,
  ReportsReader,
  ReportsWriter,
  RoomRecordsReader,
  StoredReport,
} from '#store'

const LIMITS: ReportLimits = { ofReporter: 200, ofAll: 50_000 }

export interface ReportsParts {
  readonly rooms: RoomRecordsReader & MembersReader & EventsReader
  readonly accounts: Pick<AccountsReader, 'account'>
  readonly reader: ReportsReader
  readonly writer: ReportsWriter
  readonly commit: Commit
  readonly clock: Clock
}

/**
 * Reports of people, for whoever administers (module "Reporting content"). Every report is kept and answered alike, so neither the answer nor its
 * time tells whether a room, an event or a user exists: whether it does is noted for the administrators alone.
 */
export class Reports {
  readonly #parts: ReportsParts

  constructor(parts: ReportsParts) {
    this.#parts = parts
  }

  async add(
    subject: ReportSubject,
    reason: string,
    reporter: { readonly userId: UserId; readonly user: number },
  ): Promise<void> {
    const { writer, commit, clock } = this.#parts
    const report = {
      reporter: reporter.user,
      subject,
      // A database holds neither of the two.
      reason: reason.replaceAll('\0', '\ufffd').toWellFormed(),
      reportedAtMs: clock.nowMs(),
      isFounded: await this.#isFounded(subject, reporter.userId),
    }
    await commit([writer.add(report, LIMITS)])
  }

  /** Newest first, older than the report `before`. */
  list(before: number, limit: number): Promise<readonly StoredReport[]> {
    return this.#parts.reader.reports(before, limit)
  }

  async #isFounded(subject: ReportSubject, reporter: UserId): Promise<boolean> {
    const { rooms, accounts } = this.#parts
    if (subject.kind === 'user') return (await accounts.account(subject.userId)) !== undefined
    const record = await rooms.roomByRoomId(subject.roomId)
    if (record === undefined || subject.kind === 'room') return record !== undefined
    const membership = (await rooms.membership(record.room, reporter))?.membership
    return membership === 'join' && (await rooms.event(subject.eventId))?.room === record.room
  }
}
