import { Type } from 'typebox'
import { type AuditLog, failuresIn, type Jobs } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { isJsonObject, type JsonObject, MatrixError, parseUserId } from '#spec'
import { roomIdOf } from '../../client/own-user.ts'
import { actorOf } from '../actor.ts'
import { UserPath } from './user-path.ts'

export interface RedactionAdminDeps {
  readonly jobs: Pick<Jobs, 'start' | 'get'>
  readonly auditLog: Pick<AuditLog, 'note'>
}

const REDACTION = { name: 'user.redact' } as const
const DEFAULT_LIMIT = 1_000
const MAX_LIMIT = 100_000
const Time = Type.Optional(Type.Union([Type.Integer({ maximum: Number.MAX_SAFE_INTEGER }), Type.Null()]))

/** Takes back what one user sent, as a job. */
export const redactionAdminEndpoints = ({ jobs, auditLog }: RedactionAdminDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/_synapse/admin/v1/user/:userId/redact'],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({
      rooms: Type.Array(Type.String({ maxLength: 255 }), { maxItems: 1_000 }),
      reason: Type.Optional(Type.Union([Type.String({ maxLength: 4_096 }), Type.Null()])),
      limit: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: MAX_LIMIT }), Type.Null()])),
      use_admin: Type.Optional(Type.Boolean()),
      after_ts: Time,
      before_ts: Time,
    }),
    handler: async ({ requester, params, body }) => {
      const userId = parseUserId(params.userId)
      if (userId === undefined) throw new MatrixError('M_INVALID_PARAM', 'That is no user id')
      const actor = actorOf(requester)
      const wish = {
        rooms: body.rooms.map(roomIdOf),
        reason: body.reason ?? null,
        limit: body.limit ?? DEFAULT_LIMIT,
        use_admin: body.use_admin ?? false,
        after_ts: body.after_ts ?? null,
        before_ts: body.before_ts ?? null,
      }
      const note = auditLog.note({ ...actor, action: 'user.redact', subject: userId, details: wish })
      const job = { ...wish, user_id: userId, admin: requester.userId }
      return { redact_id: await jobs.start(REDACTION, job, { by: requester.userId, also: [note] }) }
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/user/redact_status/:redactId'],
    auth: admin(),
    rateLimit: 'read',
    params: Type.Object({ redactId: Type.String({ maxLength: 255 }) }),
    handler: async ({ params }): Promise<JsonObject> => {
      const job = await jobs.get(params.redactId)
      if (job?.kind !== REDACTION.name) throw new MatrixError('M_NOT_FOUND', 'There is no such redaction')
      const { state } = job
      const told = isJsonObject(job.result) ? job.result : job.progress
      return {
        status: state === 'cancelled' ? 'failed' : state,
        failed_redactions: failuresIn(told.failed_redactions),
        ...(job.error === undefined ? {} : { error: job.error }),
      }
    },
  }),
]
