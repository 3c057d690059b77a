import type { RegistrationTokensWriter, TokenLimits } from '../../ports/accounts/registration-tokens.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'

const query = queriesOver<AccountTables>()
const insertToken = insertInto(
  'registration_tokens',
  { token: 'text', uses_allowed: 'integer?', uses: 'integer', expires_ms: 'integer?' },
  { ifExists: 'registration-token-exists' },
)
const countUse = query((db, param: { token: string; atMs: number }) =>
  db
    .updateTable('registration_tokens')
    .set((row) => ({ uses: row('uses', '+', 1) }))
    .where('token', '=', param.token)
    .where((row) => row.or([row('uses_allowed', 'is', null), row('uses', '<', row.ref('uses_allowed'))]))
    .where((row) => row.or([row('expires_ms', 'is', null), row('expires_ms', '>', param.atMs)])),
)
const deleteToken = query((db, param: { token: string }) =>
  db.deleteFrom('registration_tokens').where('token', '=', param.token),
)
const limitsOf = query((db, param: { token: string }) =>
  db.selectFrom('registration_tokens').select(['uses_allowed', 'expires_ms']).where('token', '=', param.token),
)
const storeLimits = query((db, param: { token: string; usesAllowed: number | null; expiresAtMs: number | null }) =>
  db
    .updateTable('registration_tokens')
    .set({ uses_allowed: param.usesAllowed, expires_ms: param.expiresAtMs })
    .where('token', '=', param.token),
)

const create = defineWrite(
  'registrationTokens.create',
  async (tx, input: { token: string; usesAllowed: number | undefined; expiresAtMs: number | undefined }) => {
    await tx.insertMany(insertToken, [
      { token: input.token, uses_allowed: input.usesAllowed ?? null, uses: 0, expires_ms: input.expiresAtMs ?? null },
    ])
  },
)
const use = defineWrite('registrationTokens.use', async (tx, input: { token: string; atMs: number }) => {
  if ((await tx.run(countUse, input)) === 0) throw new WriteConflict('registration-token-void')
})
const remove = defineWrite('registrationTokens.remove', async (tx, input: { token: string }) => {
  await tx.run(deleteToken, input)
})

const limit = defineWrite(
  'registrationTokens.limit',
  async (tx, { token, limits }: { token: string; limits: TokenLimits }): Promise<void> => {
    const now = await tx.first(limitsOf, { token })
    if (now === undefined) throw new WriteConflict('registration-token-gone')
    await tx.run(storeLimits, {
      token,
      usesAllowed: 'usesAllowed' in limits ? (limits.usesAllowed ?? null) : now.uses_allowed,
      expiresAtMs: 'expiresAtMs' in limits ? (limits.expiresAtMs ?? null) : now.expires_ms,
    })
  },
)

export const registrationTokensWrites = [create, use, limit, remove]

export const registrationTokensWriter: RegistrationTokensWriter = {
  create: (token, usesAllowed, expiresAtMs) => create({ token, usesAllowed, expiresAtMs }),
  use: (token, atMs) => use({ token, atMs }),
  limit: (token, limits) => limit({ token, limits }),
  remove: (token) => remove({ token }),
}
