import type { UserId } from '#spec'
import type { ListedUser, PresenceListsReader } from '../../ports/personal/presence-lists.ts'
import type { AccountTables } from '../accounts/accounts-tables.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { PresenceListTables } from './presence-lists-writes.ts'

const query = queriesOver<PresenceListTables & AccountTables>()

const listedBy = query((db, param: { owner: number }) =>
  db
    .selectFrom('presence_lists')
    .innerJoin('users', 'users.user_number', 'presence_lists.listed')
    .select(['users.user_id', 'users.user_number'])
    .where('presence_lists.list_owner', '=', param.owner)
    .orderBy('users.user_id'),
)
const mutualWith = query((db, param: { owner: number }) =>
  db
    .selectFrom('presence_lists')
    .innerJoin('presence_lists as back', (on) =>
      on.onRef('back.list_owner', '=', 'presence_lists.listed').onRef('back.listed', '=', 'presence_lists.list_owner'),
    )
    .innerJoin('users', 'users.user_number', 'presence_lists.listed')
    .select(['users.user_id', 'users.user_number'])
    .where('presence_lists.list_owner', '=', param.owner)
    .orderBy('users.user_id'),
)
const followersOf = query((db, param: { user: number; limit: number }) =>
  db
    .selectFrom('presence_lists')
    .innerJoin('users', 'users.user_number', 'presence_lists.list_owner')
    .select(['users.user_id', 'users.user_number'])
    .where('presence_lists.listed', '=', param.user)
    .orderBy('presence_lists.list_owner')
    .limit(param.limit),
)
const accountsInUse = query((db, param: { userIds: readonly string[] }, { texts }) =>
  db
    .selectFrom('accounts')
    .innerJoin('users', 'users.user_number', 'accounts.user_number')
    .select(['users.user_id', 'users.user_number'])
    .where('users.user_id', 'in', texts(param.userIds))
    .where('accounts.deactivated_ms', 'is', null),
)

const listedUser = (row: { readonly user_id: string; readonly user_number: number }): ListedUser => ({
  user: row.user_number,
  userId: row.user_id as UserId,
})

export const presenceListsReader = (db: Db): PresenceListsReader => ({
  listed: async (owner) => (await db.all(listedBy, { owner })).map(listedUser),
  mutual: async (owner) => (await db.all(mutualWith, { owner })).map(listedUser),
  followers: async (user, limit) => (await db.all(followersOf, { user, limit })).map(listedUser),
  accounts: async (userIds) => (userIds.length === 0 ? [] : (await db.all(accountsInUse, { userIds })).map(listedUser)),
})
