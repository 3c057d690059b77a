import type { UserId } from '#spec'
import type { ExternalIdentitiesReader } from '../../ports/accounts/external-identities.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { ExternalIdentityTables } from './external-identities-tables.ts'

const query = queriesOver<ExternalIdentityTables>()
const userOf = query((db, param: { provider: string; subject: string }) =>
  db
    .selectFrom('external_identities')
    .innerJoin('users', 'users.user_number', 'external_identities.user_number')
    .select('user_id')
    .where('provider', '=', param.provider)
    .where('subject', '=', param.subject),
)
const providersOf = query((db, param: { userId: string }) =>
  db
    .selectFrom('users')
    .innerJoin('external_identities', 'external_identities.user_number', 'users.user_number')
    .select('provider')
    .distinct()
    .where('user_id', '=', param.userId)
    .orderBy('provider'),
)

const identitiesOf = query((db, param: { userId: string }) =>
  db
    .selectFrom('users')
    .innerJoin('external_identities', 'external_identities.user_number', 'users.user_number')
    .select(['provider', 'subject'])
    .where('user_id', '=', param.userId)
    .orderBy('provider')
    .orderBy('subject'),
)

export const externalIdentitiesReader = (db: Db): ExternalIdentitiesReader => ({
  userOf: async (provider, subject) => (await db.first(userOf, { provider, subject }))?.user_id as UserId | undefined,
  providersOf: async (userId) => (await db.all(providersOf, { userId })).map(({ provider }) => provider),
  identitiesOf: (userId) => db.all(identitiesOf, { userId }),
})
