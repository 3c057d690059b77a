import { Type } from 'typebox'
import type { AuditLog } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { auditPageJson } from '../admin/audit-json.ts'

export interface OperatorAuditDeps {
  readonly auditLog: Pick<AuditLog, 'list'>
}

const PAGE = 500
const Text = Type.Optional(Type.String({ maxLength: 1_024 }))

/** Deeds of administrators, newest first. */
export const operatorAuditEndpoints = ({ auditLog }: OperatorAuditDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/list-audit-log'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({
      before: Type.Optional(Type.Integer({ minimum: 0 })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: PAGE })),
      by: Text,
      action: Text,
      subject: Text,
    }),
    handler: async ({ body: { limit = PAGE, ...query } }) =>
      auditPageJson(await auditLog.list({ ...query, limit }), limit),
  }),
]
