import Type from 'typebox'
import type { Reports } from '#domain'
import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import { roomIdOf } from '../own-user.ts'
import { eventIdOf, RoomIdPath, userIdOf } from '../room-path.ts'

export interface ReportContentDeps {
  readonly reports: Pick<Reports, 'add'>
}

/** UTF-16 units. */
const ReasonText = Type.String({ maxLength: 4_000 })
const WithReason = Type.Object({ reason: ReasonText })
const MaybeReason = Type.Object({ reason: Type.Optional(ReasonText) })

/** `report_content.yaml`. All reports are answered alike, whatever exists. A `score`, as before v1.18, is ignored. */
export const reportContentEndpoints = ({ reports }: ReportContentDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/rooms/:roomId/report'),
    auth: user(),
    rateLimit: 'other',
    params: RoomIdPath,
    body: WithReason,
    handler: async ({ requester, params, body }) => {
      await reports.add({ kind: 'room', roomId: roomIdOf(params.roomId) }, body.reason, requester)
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: v3('/rooms/:roomId/report/:eventId'),
    auth: user(),
    rateLimit: 'other',
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
    body: MaybeReason,
    handler: async ({ requester, params, body }) => {
      const subject = { kind: 'event', roomId: roomIdOf(params.roomId), eventId: eventIdOf(params.eventId) } as const
      await reports.add(subject, body.reason ?? '', requester)
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: v3('/users/:userId/report'),
    auth: user(),
    rateLimit: 'other',
    params: Type.Object({ userId: Type.String() }),
    body: WithReason,
    handler: async ({ requester, params, body }) => {
      await reports.add({ kind: 'user', userId: userIdOf(params.userId) }, body.reason, requester)
      return {}
    },
  }),
]
