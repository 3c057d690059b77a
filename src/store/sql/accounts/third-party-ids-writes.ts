import type { UserId } from '#spec'
import type {
  IdentityBinding,
  NewThirdPartyId,
  ThirdPartyIdKey,
  ThirdPartyIdsWriter,
} from '../../ports/accounts/third-party-ids.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import type { ThirdPartyIdTables } from './third-party-ids-tables.ts'

const query = queriesOver<
  ThirdPartyIdTables & {
    readonly pushers: { readonly user_number: number; readonly kind: string; readonly pushkey: string }
  }
>()

const liveAccount = query((db, param: { userId: string }) =>
  db
    .selectFrom('users')
    .innerJoin('accounts', 'accounts.user_number', 'users.user_number')
    .select('accounts.user_number as user')
    .where('user_id', '=', param.userId)
    .where('deactivated_ms', 'is', null),
)
const ownerOf = query((db, param: ThirdPartyIdKey) =>
  db
    .selectFrom('third_party_ids')
    .select('user_number as user')
    .where('medium', '=', param.medium)
    .where('address', '=', param.address),
)
const heldBy = query((db, param: { user: number }) =>
  db.selectFrom('third_party_ids').select('address').where('user_number', '=', param.user),
)
const insertThirdPartyId = insertInto(
  'third_party_ids',
  { medium: 'text', address: 'text', user_number: 'integer', validated_ms: 'integer', added_ms: 'integer' },
  { ifExists: 'threepid-in-use' },
)
const validateAnew = query((db, param: NewThirdPartyId) =>
  db
    .updateTable('third_party_ids')
    .set({ validated_ms: param.validatedAtMs })
    .where('medium', '=', param.medium)
    .where('address', '=', param.address),
)
const deleteOne = query((db, param: ThirdPartyIdKey & { user: number }) =>
  db
    .deleteFrom('third_party_ids')
    .where('medium', '=', param.medium)
    .where('address', '=', param.address)
    .where('user_number', '=', param.user),
)
/** Notifications are mailed to an address of one's own, and end with it. */
const deleteMails = query((db, param: ThirdPartyIdKey & { user: number }) =>
  db
    .deleteFrom('pushers')
    .where('user_number', '=', param.user)
    .where('kind', '=', param.medium)
    .where('pushkey', '=', param.address),
)
const deleteAll = query((db, param: { user: number }) =>
  db.deleteFrom('third_party_ids').where('user_number', '=', param.user),
)
const insertBinding = insertInto(
  'identity_bindings',
  { user_number: 'integer', medium: 'text', address: 'text', id_server: 'text' },
  { ifExists: 'ignore' },
)
const deleteBinding = query((db, param: IdentityBinding & { user: number }) =>
  db
    .deleteFrom('identity_bindings')
    .where('user_number', '=', param.user)
    .where('medium', '=', param.medium)
    .where('address', '=', param.address)
    .where('id_server', '=', param.idServer),
)
const deleteBindings = query((db, param: { user: number }) =>
  db.deleteFrom('identity_bindings').where('user_number', '=', param.user),
)

interface Addition {
  readonly userId: UserId
  readonly threepid: NewThirdPartyId
  readonly most: number
}

const add = defineWrite('thirdPartyIds.add', async (tx, { userId, threepid, most }: Addition): Promise<void> => {
  const account = await tx.first(liveAccount, { userId })
  if (account === undefined) throw new WriteConflict('account-gone')
  const { user } = account
  const owner = await tx.first(ownerOf, threepid)
  if (owner !== undefined) {
    if (owner.user !== user) throw new WriteConflict('threepid-in-use')
    await tx.run(validateAnew, threepid)
    return
  }
  if ((await tx.all(heldBy, { user })).length >= most) throw new WriteConflict('too-many-threepids')
  const { medium, address, validatedAtMs, addedAtMs } = threepid
  await tx.insertMany(insertThirdPartyId, [
    { medium, address, user_number: user, validated_ms: validatedAtMs, added_ms: addedAtMs },
  ])
})

const remove = defineWrite(
  'thirdPartyIds.remove',
  async (tx, input: ThirdPartyIdKey & { user: UserNumber }): Promise<boolean> => {
    await tx.run(deleteMails, input)
    return (await tx.run(deleteOne, input)) > 0
  },
)

const removeAll = defineWrite('thirdPartyIds.removeAll', async (tx, input: { user: UserNumber }): Promise<void> => {
  await tx.run(deleteAll, input)
  await tx.run(deleteBindings, input)
})

const addBinding = defineWrite(
  'thirdPartyIds.addBinding',
  async (tx, { user, medium, address, idServer }: IdentityBinding & { user: UserNumber }): Promise<void> => {
    await tx.insertMany(insertBinding, [{ user_number: user, medium, address, id_server: idServer }])
  },
)

const removeBinding = defineWrite(
  'thirdPartyIds.removeBinding',
  async (tx, input: IdentityBinding & { user: UserNumber }): Promise<void> => {
    await tx.run(deleteBinding, input)
  },
)

export const thirdPartyIdsWrites = [add, remove, removeAll, addBinding, removeBinding]

export const thirdPartyIdsWriter: ThirdPartyIdsWriter = {
  add: (userId, threepid, most) => add({ userId, threepid, most }),
  remove: (user, { medium, address }) => remove({ user, medium, address }),
  removeAll: (user) => removeAll({ user }),
  addBinding: (user, binding) => addBinding({ user, ...binding }),
  removeBinding: (user, binding) => removeBinding({ user, ...binding }),
}
