import { sql } from 'kysely'
import type { UserId } from '#spec'
import { WriteConflict } from '../../ports/engine/change.ts'
import type { AccountDataWriter, NewAccountData } from '../../ports/personal/account-data.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import type { Tx } from '../engine/access.ts'
import { defineWrite, insertInto, queriesOver } from '../engine/index.ts'

export interface AccountDataTables {
  account_data: {
    user_number: number
    /** `GLOBAL` for global data. */
    room: number
    type: string
    content_json: string
    size_bytes: number
    position: number
  }
  push_rules: { user_number: number; rules_json: string; position: number }
  gone_devices: { user_number: number; device_id: string }
}

/** No room has this number. */
export const GLOBAL = 0

interface Row {
  readonly user_number: number
  readonly room: number
  readonly type: string
  readonly content_json: string
  readonly size_bytes: number
  readonly position: number
}

const query = queriesOver<AccountDataTables>()

const upsert = query((db, param: Row) =>
  db
    .insertInto('account_data')
    .values({
      user_number: param.user_number,
      room: param.room,
      type: param.type,
      content_json: param.content_json,
      size_bytes: param.size_bytes,
      position: param.position,
    })
    .onConflict((on) =>
      on.columns(['user_number', 'room', 'type']).doUpdateSet({
        content_json: param.content_json,
        size_bytes: param.size_bytes,
        position: param.position,
      }),
    ),
)
const insertNew = insertInto(
  'account_data',
  {
    user_number: 'integer',
    room: 'integer',
    type: 'text',
    content_json: 'text',
    size_bytes: 'integer',
    position: 'integer',
  },
  { ifExists: 'account-data-changed' },
)
const update = query((db, param: Row & { expected: number }) =>
  db
    .updateTable('account_data')
    .set({ content_json: param.content_json, size_bytes: param.size_bytes, position: param.position })
    .where('user_number', '=', param.user_number)
    .where('room', '=', param.room)
    .where('type', '=', param.type)
    .where('position', '=', param.expected),
)
const insertRules = insertInto(
  'push_rules',
  { user_number: 'integer', rules_json: 'text', position: 'integer' },
  { ifExists: 'push-rules-changed' },
)
const updateRules = query((db, param: { user: number; rulesJson: string; position: number; expected: number }) =>
  db
    .updateTable('push_rules')
    .set({ rules_json: param.rulesJson, position: param.position })
    .where('user_number', '=', param.user)
    .where('position', '=', param.expected),
)
const deleteData = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('account_data').where('user_number', '=', param.user),
)
const deleteRules = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('push_rules').where('user_number', '=', param.user),
)

const LOCAL_NOTIFICATIONS = ['m.local_notification_settings.', 'org.matrix.msc3890.local_notification_settings.']

const goneOf = query((db, param: { user: UserNumber }) =>
  db.selectFrom('gone_devices').select('device_id').where('user_number', '=', param.user),
)
const deleteTypes = query((db, param: { user: UserNumber; types: readonly string[] }, { texts }) =>
  db
    .deleteFrom('account_data')
    .where('user_number', '=', param.user)
    .where('room', '=', sql.lit(GLOBAL))
    .where('type', 'in', texts(param.types)),
)

// The literal makes the partial index usable; it also keeps global data out.
const deleteOfRoom = query((db, param: { room: number }) =>
  db.deleteFrom('account_data').where('room', '=', param.room).where('room', '>', sql.lit(GLOBAL)),
)

const rowOf = (entry: NewAccountData, position: number): Row => ({
  user_number: entry.user,
  room: entry.room ?? GLOBAL,
  type: entry.type,
  content_json: entry.contentJson,
  size_bytes: Buffer.byteLength(entry.contentJson),
  position,
})

const announced = (tx: Tx, user: UserNumber, position: number): number => {
  tx.announce({ stream: 'accountData', position, rooms: [], users: [user] })
  return position
}

const put = defineWrite('accountData.put', ['accountData'], async (tx, entry: NewAccountData): Promise<number> => {
  const position = tx.next('accountData', 1)
  await tx.run(upsert, rowOf(entry, position))
  return announced(tx, entry.user, position)
})

const replace = defineWrite(
  'accountData.replace',
  ['accountData'],
  async (tx, input: { entry: NewAccountData; expected: number }): Promise<number> => {
    const position = tx.next('accountData', 1)
    const row = rowOf(input.entry, position)
    if (input.expected === 0) await tx.insertMany(insertNew, [row])
    else if ((await tx.run(update, { ...row, expected: input.expected })) === 0) {
      throw new WriteConflict('account-data-changed')
    }
    return announced(tx, input.entry.user, position)
  },
)

const replacePushRules = defineWrite(
  'accountData.replacePushRules',
  ['accountData'],
  async (tx, input: { user: UserNumber; rulesJson: string; expected: number }): Promise<number> => {
    const position = tx.next('accountData', 1)
    const { user, rulesJson, expected } = input
    if (expected === 0) await tx.insertMany(insertRules, [{ user_number: user, rules_json: rulesJson, position }])
    else if ((await tx.run(updateRules, { user, rulesJson, position, expected })) === 0) {
      throw new WriteConflict('push-rules-changed')
    }
    return announced(tx, user, position)
  },
)

const removeAll = defineWrite('accountData.removeAll', async (tx, input: { user: UserNumber }): Promise<void> => {
  await tx.run(deleteData, input)
  await tx.run(deleteRules, input)
})

const removeRoom = defineWrite('accountData.removeRoom', async (tx, input: { room: number }): Promise<void> => {
  await tx.run(deleteOfRoom, input)
})

const removeOfGone = defineWrite('accountData.removeOfGone', async (tx, input: { userId: UserId }): Promise<void> => {
  const user = await tx.userNumber(input.userId)
  const gone = await tx.all(goneOf, { user })
  if (gone.length === 0) return
  const types = gone.flatMap(({ device_id: id }) => LOCAL_NOTIFICATIONS.map((prefix) => prefix + id))
  await tx.run(deleteTypes, { user, types })
})

export const accountDataWrites = [put, replace, replacePushRules, removeAll, removeOfGone, removeRoom]

export const accountDataWriter: AccountDataWriter = {
  put,
  replace: (entry, expected) => replace({ entry, expected }),
  replacePushRules: (user, rulesJson, expected) => replacePushRules({ user, rulesJson, expected }),
  removeAll: (user) => removeAll({ user }),
  removeOfGone: (userId) => removeOfGone({ userId }),
  removeRoom: (room) => removeRoom({ room }),
}
