import { Type } from 'typebox'
import type { AuditLog } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { auditPageJson } from '../audit-json.ts'

export interface AuditLogDeps {
  readonly auditLog: Pick<AuditLog, 'list'>
}

const MOST = 500
const Text = Type.Optional(Type.String({ maxLength: 1_024 }))

/** Deeds of administrators, newest first: an operation of this server alone. */
export const auditLogEndpoints = ({ auditLog }: AuditLogDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_homeroom/admin/v1/audit_log'],
    auth: admin(),
    rateLimit: 'read',
    query: Type.Object({
      before: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })),
      by: Text,
      action: Text,
      subject: Text,
    }),
    handler: async ({ query: { limit: asked = 100, ...query } }) => {
      const limit = Math.min(asked, MOST)
      return auditPageJson(await auditLog.list({ ...query, limit }), limit)
    },
  }),
]
