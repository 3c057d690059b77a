import type { JsonObject, JsonValue, UserId } from '#spec'
import type { ProfilesReader } from '../../ports/personal/profiles.ts'
import { type Db, queriesOver, type UserTables } from '../engine/index.ts'
import type { ProfileTables } from './profiles-writes.ts'

const query = queriesOver<ProfileTables & UserTables>()

const fieldsOf = query((db, param: { userIds: readonly string[] }, { texts }) =>
  db
    .selectFrom('profile_fields')
    .innerJoin('users', 'users.user_number', 'profile_fields.user_number')
    .select(['users.user_id', 'profile_fields.key', 'profile_fields.value_json'])
    .where('users.user_id', 'in', texts(param.userIds))
    .orderBy('profile_fields.user_number')
    .orderBy('profile_fields.key'),
)

export const profilesReader = (db: Db): ProfilesReader => {
  const profiles = async (userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, JsonObject>> => {
    const found = new Map<UserId, Map<string, JsonValue>>()
    for (const row of await db.all(fieldsOf, { userIds })) {
      const userId = row.user_id as UserId
      const fields = found.get(userId) ?? new Map<string, JsonValue>()
      fields.set(row.key, JSON.parse(row.value_json) as JsonValue)
      found.set(userId, fields)
    }
    return new Map([...found].map(([userId, fields]) => [userId, Object.fromEntries(fields)]))
  }
  return {
    profile: async (userId) => (await profiles([userId])).get(userId) ?? {},
    profiles,
  }
}
