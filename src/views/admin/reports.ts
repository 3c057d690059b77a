import type { JsonObject, RoomId, UserId } from '#spec'
import type { EventsReader, ReportInContext, ReportsQuery, ReportsReader } from '#store'

export interface AdminReportsParts {
  readonly reader: Pick<ReportsReader, 'page' | 'report'>
  readonly events: Pick<EventsReader, 'event'>
}

/** Reports of events, rooms and users, as administrators are shown them. */
export class AdminReports {
  readonly #parts: AdminReportsParts

  constructor(parts: AdminReportsParts) {
    this.#parts = parts
  }

  page(query: ReportsQuery): Promise<{ readonly reports: readonly ReportInContext[]; readonly total: number }> {
    return this.#parts.reader.page(query)
  }

  /** undefined: there is none, or one of another kind. */
  async find(report: number, kind: ReportsQuery['kind']): Promise<ReportInContext | undefined> {
    const found = await this.#parts.reader.report(report)
    return found?.subject.kind === kind ? found : undefined
  }

  /** The event that was reported, as it is stored; undefined: it is not here. */
  async eventOf({ subject }: ReportInContext): Promise<JsonObject | undefined> {
    const event = subject.kind === 'event' ? await this.#parts.events.event(subject.eventId) : undefined
    return event === undefined ? undefined : (JSON.parse(event.json) as JsonObject)
  }
}

const orNull = <Text extends RoomId | UserId | string>(text: Text | '' | undefined): Text | null =>
  text === undefined || text === '' ? null : text

/** In the form of Synapse. */
export const reportJson = (report: ReportInContext): JsonObject => {
  const { subject, reporter, reason, reportedAtMs } = report
  const common = { id: report.report, received_ts: reportedAtMs, user_id: reporter, reason }
  if (subject.kind === 'user') return { ...common, target_user_id: subject.userId }
  const room = {
    room_id: subject.roomId,
    name: orNull(report.roomName),
    canonical_alias: orNull(report.canonicalAlias),
  }
  if (subject.kind === 'room') return { ...common, ...room }
  // Nobody says how bad it is any more: today's reports have no score.
  return { ...common, ...room, event_id: subject.eventId, sender: orNull(report.sender), score: null }
}
