import type { Kysely } from 'kysely'
import type { UserId } from '#spec'
import type { PusherNumber, PusherRecord, PushersReader } from '../../ports/personal/pushers.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { PusherTables } from './pushers-writes.ts'

type Tables = PusherTables & { readonly accounts: { readonly user_number: number; readonly locked_ms: number | null } }

const query = queriesOver<Tables>()

const select = (db: Kysely<Tables>) =>
  db
    .selectFrom('pushers')
    .innerJoin('users', 'users.user_number', 'pushers.user_number')
    .leftJoin('accounts', 'accounts.user_number', 'pushers.user_number')
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
      'locked_ms as lockedAtMs',
    ])

const numbered = query((db, param: { pusher: PusherNumber }) => select(db).where('pusher', '=', param.pusher))
const ofOne = query((db, param: { user: UserNumber }) =>
  select(db).where('pushers.user_number', '=', param.user).orderBy('pusher'),
)
const numberedAfter = query((db, param: { after: PusherNumber; limit: number }) =>
  select(db).where('pusher', '>', param.after).orderBy('pusher').limit(param.limit),
)

interface Row extends Omit<PusherRecord, 'userId' | 'device' | 'profileTag' | 'locked'> {
  readonly userId: string
  readonly device: number | null
  readonly profileTag: string | null
  readonly lockedAtMs: number | null
}

const toPusher = ({ userId, device, profileTag, lockedAtMs, ...rest }: Row): PusherRecord => ({
  ...rest,
  userId: userId as UserId,
  device: device ?? undefined,
  profileTag: profileTag ?? undefined,
  locked: lockedAtMs !== null,
})

export const pushersReader = (db: Db): PushersReader => ({
  pusher: async (pusher) => {
    const row = await db.first(numbered, { pusher })
    return row === undefined ? undefined : toPusher(row)
  },
  ofUser: async (user) => (await db.all(ofOne, { user })).map(toPusher),
  page: async (after, limit) => (await db.all(numberedAfter, { after, limit })).map(toPusher),
})
