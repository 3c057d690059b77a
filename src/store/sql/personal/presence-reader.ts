import type { UserId } from '#spec'
import type { PresenceStoreReader } from '../../ports/personal/presence.ts'
import { type Db, queriesOver, type UserTables } from '../engine/index.ts'
import type { PresenceTables } from './presence-writes.ts'

const query = queriesOver<PresenceTables & UserTables>()

const lastSeen = query((db, param: { userIds: readonly string[] }, { texts }) =>
  db
    .selectFrom('presence')
    .innerJoin('users', 'users.user_number', 'presence.user_number')
    .select(['users.user_id', 'users.user_number', 'presence.status_msg', 'presence.last_active_ms'])
    .where('users.user_id', 'in', texts(param.userIds)),
)

export const presenceStoreReader = (db: Db): PresenceStoreReader => ({
  lastSeen: async (userIds) => {
    if (userIds.length === 0) return []
    const rows = await db.all(lastSeen, { userIds })
    return rows.map((row) => ({
      userId: row.user_id as UserId,
      user: row.user_number,
      statusMsg: row.status_msg ?? undefined,
      lastActiveMs: row.last_active_ms,
    }))
  },
})
