import type { Kysely } from 'kysely'
import type { UserId } from '#spec'
import type { PusherNumber, PusherRecord, PushersReader } from '../../ports/personal/pushers.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { PusherTables } from './pushers-writes.ts'

const query = queriesOver<PusherTables>()

const select = (db: Kysely<PusherTables>) =>
  db
    .selectFrom('pushers')
    .innerJoin('users', 'users.user_number', 'pushers.user_number')
    .select([
      'pusher',
      'pushers.user_number as user',
      'user_id as userId',
      'device',
      'app_id as appId',
      'pushkey',
      'app_display_name as appDisplayName',
      'device_display_name as deviceDisplayName',
      'profile_tag as profileTag',
      'lang',
      'data_json as dataJson',
      'set_ms as setAtMs',
      'position',
    ])

const numbered = query((db, param: { pusher: PusherNumber }) => select(db).where('pusher', '=', param.pusher))
const ofOne = query((db, param: { user: UserNumber }) =>
  select(db).where('pushers.user_number', '=', param.user).orderBy('pusher'),
)
const numberedAfter = query((db, param: { after: PusherNumber; limit: number }) =>
  select(db).where('pusher', '>', param.after).orderBy('pusher').limit(param.limit),
)

interface Row extends Omit<PusherRecord, 'userId' | 'device' | 'profileTag'> {
  readonly userId: string
  readonly device: number | null
  readonly profileTag: string | null
}

const toPusher = ({ userId, device, profileTag, ...rest }: Row): PusherRecord => ({
  ...rest,
  userId: userId as UserId,
  device: device ?? undefined,
  profileTag: profileTag ?? undefined,
})

export const pushersReader = (db: Db): PushersReader => ({
  pusher: async (pusher) => {
    const row = await db.first(numbered, { pusher })
    return row === undefined ? undefined : toPusher(row)
  },
  ofUser: async (user) => (await db.all(ofOne, { user })).map(toPusher),
  page: async (after, limit) => (await db.all(numberedAfter, { after, limit })).map(toPusher),
})
