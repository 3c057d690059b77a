import type { Generated } from 'kysely'
import type { UserId } from '#spec'
import { WriteConflict } from '../../ports/engine/change.ts'
import type { NewPusher, PusherNumber, PushersWriter } from '../../ports/personal/pushers.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, queriesOver, type UserTables } from '../engine/index.ts'

export interface PusherTables extends UserTables {
  readonly pushers: {
    readonly pusher: Generated<number>
    readonly user_number: number
    readonly device: number | null
    readonly app_id: string
    readonly pushkey: string
    readonly app_display_name: string
    readonly device_display_name: string
    readonly profile_tag: string | null
    readonly lang: string
    readonly data_json: string
    readonly set_ms: number
    readonly position: number
    readonly enabled: number
    readonly kind: string
    readonly progress_json: Generated<string | null>
  }
}

type Key = Pick<NewPusher, 'user' | 'appId' | 'pushkey'>

const query = queriesOver<
  PusherTables & { readonly devices: { readonly device: number; readonly user_number: number } }
>()

const keysOfUser = query((db, param: { user: UserNumber }) =>
  db.selectFrom('pushers').select(['app_id', 'pushkey']).where('user_number', '=', param.user),
)
const upsert = query(
  (
    db,
    param: Omit<NewPusher, 'device' | 'profileTag' | 'enabled'> & {
      readonly device: number | null
      readonly profileTag: string | null
      readonly enabled: number
    },
  ) => {
    const said = {
      device: param.device,
      app_display_name: param.appDisplayName,
      device_display_name: param.deviceDisplayName,
      profile_tag: param.profileTag,
      lang: param.lang,
      data_json: param.dataJson,
      set_ms: param.setAtMs,
      enabled: param.enabled,
      kind: param.kind,
    }
    const key = { user_number: param.user, app_id: param.appId, pushkey: param.pushkey }
    return db
      .insertInto('pushers')
      .values({ ...key, ...said, position: param.position })
      .onConflict((on) => on.columns(['user_number', 'app_id', 'pushkey']).doUpdateSet(said))
  },
)
const deleteOfOthers = query((db, param: Key) =>
  db
    .deleteFrom('pushers')
    .where('pushkey', '=', param.pushkey)
    .where('app_id', '=', param.appId)
    .where('user_number', '<>', param.user),
)
const deleteOne = query((db, param: Key) =>
  db
    .deleteFrom('pushers')
    .where('user_number', '=', param.user)
    .where('app_id', '=', param.appId)
    .where('pushkey', '=', param.pushkey),
)
const deleteOrphans = query((db, param: { user: UserNumber }) =>
  db
    .deleteFrom('pushers')
    .where('user_number', '=', param.user)
    .where('device', 'is not', null)
    .where('device', 'not in', (of) => of.selectFrom('devices').select('device').where('user_number', '=', param.user)),
)
const deleteAll = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('pushers').where('user_number', '=', param.user),
)
const deleteNumbered = query((db, param: { pusher: PusherNumber }) =>
  db.deleteFrom('pushers').where('pusher', '=', param.pusher),
)
const storeProgress = query((db, param: { pusher: PusherNumber; position: number; progressJson: string }) =>
  db
    .updateTable('pushers')
    .set({ progress_json: param.progressJson, position: param.position })
    .where('pusher', '=', param.pusher)
    .where('position', '<=', param.position),
)
const moveForward = query((db, param: { pushers: readonly PusherNumber[]; position: number }, { integers }) =>
  db
    .updateTable('pushers')
    .set({ position: param.position })
    .where('pusher', 'in', integers(param.pushers))
    .where('position', '<', param.position),
)

const set = defineWrite(
  'pushers.set',
  async (tx, { pusher, alone, most }: { pusher: NewPusher; alone: boolean; most: number }): Promise<void> => {
    const held = await tx.all(keysOfUser, { user: pusher.user })
    const known = held.some((row) => row.app_id === pusher.appId && row.pushkey === pusher.pushkey)
    if (!known && held.length >= most) throw new WriteConflict('too-many-pushers')
    if (alone) await tx.run(deleteOfOthers, { user: pusher.user, appId: pusher.appId, pushkey: pusher.pushkey })
    const { device = null, profileTag = null, enabled, ...rest } = pusher
    await tx.run(upsert, { ...rest, device, profileTag, enabled: Number(enabled) })
  },
)
const remove = defineWrite('pushers.remove', async (tx, key: Key): Promise<void> => {
  await tx.run(deleteOne, key)
})
const removeOrphans = defineWrite('pushers.removeOrphans', async (tx, input: { userId: UserId }): Promise<void> => {
  await tx.run(deleteOrphans, { user: await tx.userNumber(input.userId) })
})
const removeAll = defineWrite('pushers.removeAll', async (tx, input: { user: UserNumber }): Promise<void> => {
  await tx.run(deleteAll, input)
})
const reject = defineWrite('pushers.reject', async (tx, input: { pusher: PusherNumber }): Promise<void> => {
  await tx.run(deleteNumbered, input)
})
const advance = defineWrite(
  'pushers.advance',
  async (tx, input: { pushers: readonly PusherNumber[]; position: number }): Promise<void> => {
    await tx.run(moveForward, input)
  },
)

const mailed = defineWrite(
  'pushers.mailed',
  async (tx, input: { pusher: PusherNumber; position: number; progressJson: string }): Promise<void> => {
    await tx.run(storeProgress, input)
  },
)

export const pusherWrites = [set, remove, removeOrphans, removeAll, reject, advance, mailed]

export const pushersWriter: PushersWriter = {
  set: (pusher, options) => set({ pusher, ...options }),
  remove: (user, appId, pushkey) => remove({ user, appId, pushkey }),
  removeOrphans: (userId) => removeOrphans({ userId }),
  removeAll: (user) => removeAll({ user }),
  reject: (pusher) => reject({ pusher }),
  advance: (pushers, position) => advance({ pushers, position }),
  mailed: (pusher, position, progressJson) => mailed({ pusher, position, progressJson }),
}
