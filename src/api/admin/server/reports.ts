import { Type } from 'typebox'
import type { AdministerServer } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { type JsonObject, MatrixError } from '#spec'
import { type AdminReports, reportJson } from '#views'
import { roomIdOf } from '../../client/own-user.ts'
import { userIdOf } from '../../client/room-path.ts'
import { actorOf } from '../actor.ts'
import { nextToken, PAGE_QUERY, pageOf } from '../paging.ts'

export interface ReportsAdminDeps {
  readonly reports: Pick<AdminReports, 'page' | 'find' | 'eventOf'>
  readonly server: Pick<AdministerServer, 'removeReport'>
}

type Kind = Parameters<AdminReports['find']>[1]

interface Reported {
  readonly kind: Kind
  readonly path: string
  /** The member of the answer that has the list. */
  readonly list: string
}

const REPORTED: readonly Reported[] = [
  { kind: 'event', path: '/_synapse/admin/v1/event_reports', list: 'event_reports' },
  { kind: 'user', path: '/_synapse/admin/v1/user_reports', list: 'user_reports' },
  // Other software has no list of these.
  { kind: 'room', path: '/_homeroom/admin/v1/room_reports', list: 'room_reports' },
]

const ReportPath = Type.Object({ reportId: Type.String({ maxLength: 20 }) })
const Id = Type.Optional(Type.String({ maxLength: 255 }))

/** Reports of people: events, users and rooms. */
export const reportsAdminEndpoints = (deps: ReportsAdminDeps): readonly AnyEndpoint[] =>
  REPORTED.flatMap((reported) => endpointsOf(reported, deps))

const endpointsOf = ({ kind, path, list }: Reported, { reports, server }: ReportsAdminDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [path],
    auth: admin(),
    rateLimit: 'read',
    query: Type.Object({ ...PAGE_QUERY, user_id: Id, room_id: Id, event_sender_user_id: Id, target_user_id: Id }),
    handler: async ({ query }): Promise<JsonObject> => {
      const { from: offset, limit } = pageOf(query)
      const against = query.event_sender_user_id ?? query.target_user_id
      const page = await reports.page({
        ...{ kind, offset, limit, direction: query.dir === 'f' ? 'oldest-first' : 'newest-first' },
        reporter: query.user_id === undefined ? undefined : userIdOf(query.user_id),
        roomId: query.room_id === undefined ? undefined : roomIdOf(query.room_id),
        against: against === undefined ? undefined : userIdOf(against),
      })
      const { total } = page
      return { [list]: page.reports.map(reportJson), total, ...nextToken(offset, page.reports.length, total) }
    },
  }),
  endpoint({
    method: 'GET',
    paths: [`${path}/:reportId`],
    auth: admin(),
    rateLimit: 'read',
    params: ReportPath,
    handler: async ({ params }): Promise<JsonObject> => {
      const report = await reports.find(numberOf(params.reportId), kind)
      if (report === undefined) throw noSuchReport()
      const event = await reports.eventOf(report)
      return { ...reportJson(report), ...(event === undefined ? {} : { event_json: event }) }
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: [`${path}/:reportId`],
    auth: admin(),
    rateLimit: 'other',
    params: ReportPath,
    handler: async ({ requester, params }) => {
      const report = await reports.find(numberOf(params.reportId), kind)
      if (report === undefined) throw noSuchReport()
      await server.removeReport(report.report, actorOf(requester))
      return {}
    },
  }),
]

const noSuchReport = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such report')

/** Throws `M_INVALID_PARAM`. */
const numberOf = (text: string): number => {
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new MatrixError('M_INVALID_PARAM', 'The ID of a report is a number')
}
