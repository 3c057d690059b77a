import type { Kysely } from 'kysely'
import type { UserId } from '#spec'
import type { ThirdPartyIdKey, ThirdPartyIdRecord, ThirdPartyIdsReader } from '../../ports/accounts/third-party-ids.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { ThirdPartyIdTables } from './third-party-ids-tables.ts'

const query = queriesOver<ThirdPartyIdTables>()

const select = (db: Kysely<ThirdPartyIdTables>) =>
  db
    .selectFrom('third_party_ids')
    .innerJoin('users', 'users.user_number', 'third_party_ids.user_number')
    .select([
      'medium',
      'address',
      'third_party_ids.user_number as user',
      'user_id as userId',
      'validated_ms as validatedAtMs',
      'added_ms as addedAtMs',
    ])

const named = query((db, param: ThirdPartyIdKey) =>
  select(db).where('medium', '=', param.medium).where('address', '=', param.address),
)
const held = query((db, param: { user: UserNumber }) =>
  select(db)
    .where('third_party_ids.user_number', '=', param.user)
    .orderBy('added_ms')
    .orderBy('medium')
    .orderBy('address'),
)
const bindings = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('identity_bindings')
    .select(['medium', 'address', 'id_server as idServer'])
    .where('user_number', '=', param.user)
    .orderBy('medium')
    .orderBy('address')
    .orderBy('id_server'),
)

const toRecord = (row: Omit<ThirdPartyIdRecord, 'userId'> & { readonly userId: string }): ThirdPartyIdRecord => ({
  ...row,
  userId: row.userId as UserId,
})

export const thirdPartyIdsReader = (db: Db): ThirdPartyIdsReader => ({
  thirdPartyId: async (threepid) => {
    const row = await db.first(named, threepid)
    return row === undefined ? undefined : toRecord(row)
  },
  ofUser: async (user) => (await db.all(held, { user })).map(toRecord),
  bindingsOf: (user) => db.all(bindings, { user }),
})
