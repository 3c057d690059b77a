import { Type } from 'typebox'
import type { Reports } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import type { JsonObject } from '#spec'

export interface OperatorReportsDeps {
  readonly reports: Pick<Reports, 'list'>
}

const PAGE = 100

type Report = Awaited<ReturnType<OperatorReportsDeps['reports']['list']>>[number]

const reportJson = ({ report, reporter, subject, reason, reportedAtMs, isFounded }: Report): JsonObject => ({
  report,
  reporter,
  reason,
  reported_ts: reportedAtMs,
  founded: isFounded,
  ...(subject.kind === 'user' ? { user_id: subject.userId } : { room_id: subject.roomId }),
  ...(subject.kind === 'event' ? { event_id: subject.eventId } : {}),
})

/** Reports of users, newest first. */
export const operatorReportsEndpoints = ({ reports }: OperatorReportsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/list-reports'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ before: Type.Optional(Type.Integer({ minimum: 0 })) }),
    handler: async ({ body: { before = Number.MAX_SAFE_INTEGER } }) => {
      const page = await reports.list(before, PAGE)
      const last = page.at(-1)
      return {
        reports: page.map(reportJson),
        ...(page.length < PAGE || last === undefined ? {} : { next: last.report }),
      }
    },
  }),
]
