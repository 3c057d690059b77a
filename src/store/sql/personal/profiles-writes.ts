import type { UserId } from '#spec'
import type { ProfilesWriter } from '../../ports/personal/profiles.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, queriesOver } from '../engine/index.ts'
import { NAME_KEY, storeNames } from '../search/names.ts'

export interface ProfileTables {
  profile_fields: { user_number: number; key: string; value_json: string }
}

interface Field {
  readonly user: UserNumber
  readonly key: string
}

const query = queriesOver<ProfileTables>()

const upsertField = query((db, param: Field & { valueJson: string }) =>
  db
    .insertInto('profile_fields')
    .values({ user_number: param.user, key: param.key, value_json: param.valueJson })
    .onConflict((on) => on.columns(['user_number', 'key']).doUpdateSet({ value_json: param.valueJson })),
)
const deleteField = query((db, param: Field) =>
  db.deleteFrom('profile_fields').where('user_number', '=', param.user).where('key', '=', param.key),
)
const deleteProfile = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('profile_fields').where('user_number', '=', param.user),
)

const setField = defineWrite('profiles.setField', async (tx, input: Field & { valueJson: string }): Promise<void> => {
  await tx.run(upsertField, input)
  if (input.key === NAME_KEY) await storeNames(tx, input.user)
})
const setFieldOf = defineWrite(
  'profiles.setFieldOf',
  async (tx, input: { userId: UserId; key: string; valueJson: string }): Promise<void> => {
    const { userId, key, valueJson } = input
    const user = await tx.userNumber(userId)
    await tx.run(upsertField, { user, key, valueJson })
    if (key === NAME_KEY) await storeNames(tx, user)
  },
)
const removeField = defineWrite('profiles.removeField', async (tx, input: Field): Promise<void> => {
  await tx.run(deleteField, input)
  if (input.key === NAME_KEY) await storeNames(tx, input.user)
})
const removeProfile = defineWrite('profiles.removeProfile', async (tx, input: { user: UserNumber }): Promise<void> => {
  await tx.run(deleteProfile, input)
  await storeNames(tx, input.user)
})

export const profileWrites = [setField, setFieldOf, removeField, removeProfile]

export const profilesWriter: ProfilesWriter = {
  setField: (user, key, valueJson) => setField({ user, key, valueJson }),
  setFieldOf: (userId, key, valueJson) => setFieldOf({ userId, key, valueJson }),
  removeField: (user, key) => removeField({ user, key }),
  removeProfile: (user) => removeProfile({ user }),
}
