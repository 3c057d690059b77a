import { type Migration, table } from '../sql/engine/schema.ts'

export const createAuditLog: Migration = {
  name: '0780-create-audit-log',
  statements: ({ integer, text, lastingKey }) => [
    table(
      'audit_log',
      {
        owner: 'domain/admin',
        rowsGo: 'the oldest beyond a number, and all of an age (administration.auditLogEntries, auditLogAge)',
      },
      `entry ${lastingKey}`,
      `at_ms ${integer} not null`,
      `by_whom ${text} not null /* a user id, or "operator" */`,
      `via ${text} not null /* api, page or command */`,
      `action ${text} not null`,
      `subject ${text} not null`,
      `details_json ${text} not null`,
    ),
    'create index audit_log_time on audit_log (at_ms)',
    'create index audit_log_by_whom on audit_log (by_whom, entry)',
    'create index audit_log_action on audit_log (action, entry)',
    'create index audit_log_subject on audit_log (subject, entry)',
  ],
}
