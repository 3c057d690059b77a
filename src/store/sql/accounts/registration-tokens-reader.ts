import type { RegistrationTokenRecord, RegistrationTokensReader } from '../../ports/accounts/registration-tokens.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'

const query = queriesOver<AccountTables>()
const tokenOf = query((db, param: { token: string }) =>
  db.selectFrom('registration_tokens').selectAll().where('token', '=', param.token),
)
const allTokens = query((db, param: { limit: number }) =>
  db.selectFrom('registration_tokens').selectAll().orderBy('token').limit(param.limit),
)

const toRecord = (row: AccountTables['registration_tokens']): RegistrationTokenRecord => ({
  token: row.token,
  usesAllowed: row.uses_allowed ?? undefined,
  uses: row.uses,
  expiresAtMs: row.expires_ms ?? undefined,
})

export const registrationTokensReader = (db: Db): RegistrationTokensReader => ({
  registrationToken: async (token) => {
    const row = await db.first(tokenOf, { token })
    return row === undefined ? undefined : toRecord(row)
  },
  registrationTokens: async (limit) => (await db.all(allTokens, { limit })).map(toRecord),
})
