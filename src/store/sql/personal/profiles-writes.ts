import type { Generated } from 'kysely'
import type { UserId } from '#spec'
import type { ProfilesWriter } from '../../ports/personal/profiles.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, queriesOver, type Tx } from '../engine/index.ts'
import { NAME_KEY, storeNames } from '../search/names.ts'

export interface ProfileTables {
  profile_fields: {
    user_number: number
    key: string
    value_json: string
    /** The position of the newest change, in the stream `profiles`; 0: nobody can have heard of it before it was there. */
    position: Generated<number>
  }
  profile_removals: { user_number: number; key: string; position: number }
}

interface Field {
  readonly user: UserNumber
  readonly key: string
}

const query = queriesOver<ProfileTables>()

const ofField = query((db, param: Field) =>
  db
    .selectFrom('profile_fields')
    .select('value_json')
    .where('user_number', '=', param.user)
    .where('key', '=', param.key),
)
const upsertField = query((db, param: Field & { valueJson: string; position: number }) =>
  db
    .insertInto('profile_fields')
    .values({ user_number: param.user, key: param.key, value_json: param.valueJson, position: param.position })
    .onConflict((on) =>
      on.columns(['user_number', 'key']).doUpdateSet({ value_json: param.valueJson, position: param.position }),
    ),
)
const deleteField = query((db, param: Field) =>
  db.deleteFrom('profile_fields').where('user_number', '=', param.user).where('key', '=', param.key),
)
const deleteProfile = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('profile_fields').where('user_number', '=', param.user),
)
const upsertRemoval = query((db, param: Field & { position: number }) =>
  db
    .insertInto('profile_removals')
    .values({ user_number: param.user, key: param.key, position: param.position })
    .onConflict((on) => on.columns(['user_number', 'key']).doUpdateSet({ position: param.position })),
)
const deleteRemoval = query((db, param: Field) =>
  db.deleteFrom('profile_removals').where('user_number', '=', param.user).where('key', '=', param.key),
)
const deleteRemovals = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('profile_removals').where('user_number', '=', param.user),
)
const removalBehind = query((db, param: { user: UserNumber; skipped: number }) =>
  db
    .selectFrom('profile_removals')
    .select('position')
    .where('user_number', '=', param.user)
    .orderBy('key')
    .limit(1)
    .offset(param.skipped),
)

const STREAM = 'profiles'
/** Stands for all fields that the user does not have. No field has an empty key. */
export const ANY_KEY = ''
/** The most removed fields of one user that are remembered one by one. */
const REMOVALS_KEPT = 100

/** Says to everybody who shares a room with the user, and to the user, that the profile changed. Returns the position. */
const announceChange = (tx: Tx, user: UserNumber): number => {
  const position = tx.next(STREAM, 1)
  tx.announce({ stream: STREAM, position, rooms: [], users: [user], around: user })
  return position
}

const setField = defineWrite(
  'profiles.setField',
  [STREAM],
  async (tx, input: Field & { valueJson: string }): Promise<void> => {
    const before = await tx.first(ofField, input)
    if (before?.value_json === input.valueJson) return
    const position = announceChange(tx, input.user)
    await tx.run(upsertField, { ...input, position })
    await tx.run(deleteRemoval, input)
    if (input.key === NAME_KEY) await storeNames(tx, input.user)
  },
)
const setFieldOf = defineWrite(
  'profiles.setFieldOf',
  async (tx, input: { userId: UserId; key: string; valueJson: string }): Promise<void> => {
    const { userId, key, valueJson } = input
    const user = await tx.userNumber(userId)
    await tx.run(upsertField, { user, key, valueJson, position: 0 })
    if (key === NAME_KEY) await storeNames(tx, user)
  },
)
const removeField = defineWrite('profiles.removeField', [STREAM], async (tx, input: Field): Promise<void> => {
  if ((await tx.first(ofField, input)) === undefined) return
  const { user } = input
  const position = announceChange(tx, user)
  await tx.run(deleteField, input)
  await tx.run(upsertRemoval, { ...input, position })
  if ((await tx.first(removalBehind, { user, skipped: REMOVALS_KEPT })) !== undefined) {
    await tx.run(deleteRemovals, { user })
    await tx.run(upsertRemoval, { user, key: ANY_KEY, position })
  }
  if (input.key === NAME_KEY) await storeNames(tx, user)
})
const removeProfile = defineWrite(
  'profiles.removeProfile',
  [STREAM],
  async (tx, { user }: { user: UserNumber }): Promise<void> => {
    const position = announceChange(tx, user)
    await tx.run(deleteProfile, { user })
    await tx.run(deleteRemovals, { user })
    await tx.run(upsertRemoval, { user, key: ANY_KEY, position })
    await storeNames(tx, user)
  },
)

export const profileWrites = [setField, setFieldOf, removeField, removeProfile]

export const profilesWriter: ProfilesWriter = {
  setField: (user, key, valueJson) => setField({ user, key, valueJson }),
  setFieldOf: (userId, key, valueJson) => setFieldOf({ userId, key, valueJson }),
  removeField: (user, key) => removeField({ user, key }),
  removeProfile: (user) => removeProfile({ user }),
}
