import type { Kysely } from 'kysely'
import type { DeviceId, UserId } from '#spec'
import type { PusherKind, PusherNumber, PusherRecord, PushersReader } from '../../ports/personal/pushers.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { type Db, queriesOver } from '../engine/index.ts'
import type { PusherTables } from './pushers-writes.ts'

type Tables = PusherTables & {
  readonly accounts: { readonly user_number: number; readonly locked_ms: number | null }
  readonly devices: { readonly device: number; readonly device_id: DeviceId }
}

const query = queriesOver<Tables>()

const select = (db: Kysely<Tables>) =>
  db
    .selectFrom('pushers')
    .innerJoin('users', 'users.user_number', 'pushers.user_number')
    .leftJoin('devices', 'devices.device', 'pushers.device')
    .leftJoin('accounts', 'accounts.user_number', 'pushers.user_number')
    .select([
      'pusher',
      'pushers.user_number as user',
      'user_id as userId',
      'pushers.device',
      'device_id as deviceId',
      'app_id as appId',
      'pushkey',
      'app_display_name as appDisplayName',
      'device_display_name as deviceDisplayName',
      'profile_tag as profileTag',
      'lang',
      'data_json as dataJson',
      'set_ms as setAtMs',
      'position',
      'enabled',
      'kind',
      'progress_json as progressJson',
      'locked_ms as lockedAtMs',
    ])

const numbered = query((db, param: { pusher: PusherNumber }) => select(db).where('pusher', '=', param.pusher))
const ofOne = query((db, param: { user: UserNumber }) =>
  select(db).where('pushers.user_number', '=', param.user).orderBy('pusher'),
)
const numberedAfter = query((db, param: { after: PusherNumber; limit: number }) =>
  select(db).where('pusher', '>', param.after).orderBy('pusher').limit(param.limit),
)

interface Row
  extends Omit<
    PusherRecord,
    'userId' | 'device' | 'deviceId' | 'profileTag' | 'locked' | 'enabled' | 'kind' | 'progressJson'
  > {
  readonly kind: string
  readonly progressJson: string | null
  readonly userId: string
  readonly device: number | null
  readonly deviceId: DeviceId | null
  readonly enabled: number
  readonly profileTag: string | null
  readonly lockedAtMs: number | null
}

const toPusher = ({
  userId,
  device,
  deviceId,
  profileTag,
  lockedAtMs,
  enabled,
  kind,
  progressJson,
  ...rest
}: Row): PusherRecord => ({
  ...rest,
  kind: kind as PusherKind,
  progressJson: progressJson ?? undefined,
  userId: userId as UserId,
  device: device ?? undefined,
  deviceId: deviceId ?? undefined,
  enabled: enabled === 1,
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
