import type {
  EmailValidationKey,
  EmailValidationRecord,
  EmailValidationsReader,
} from '../../ports/accounts/email-validations.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { EmailValidationTables } from './third-party-ids-tables.ts'

const query = queriesOver<EmailValidationTables>()

const numbered = query((db, param: { sid: string }) =>
  db.selectFrom('email_validations').selectAll().where('sid', '=', param.sid),
)
const keyed = query((db, param: EmailValidationKey) =>
  db
    .selectFrom('email_validations')
    .selectAll()
    .where('secret_hash', '=', param.secretHash)
    .where('address', '=', param.address)
    .where('purpose', '=', param.purpose),
)

const toRecord = (row: EmailValidationTables['email_validations']): EmailValidationRecord => ({
  sid: row.sid,
  secretHash: row.secret_hash,
  address: row.address,
  purpose: row.purpose,
  attempt: row.attempt ?? undefined,
  sentAtMs: row.sent_ms ?? undefined,
  nextLink: row.next_link ?? undefined,
  expiresAtMs: row.expires_ms,
  validatedAtMs: row.validated_ms ?? undefined,
})

export const emailValidationsReader = (db: Db): EmailValidationsReader => ({
  emailValidation: async (sid) => {
    const row = await db.first(numbered, { sid })
    return row === undefined ? undefined : toRecord(row)
  },
  ofKey: async (key) => {
    const row = await db.first(keyed, key)
    return row === undefined ? undefined : toRecord(row)
  },
})
