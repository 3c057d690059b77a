import type { UserId } from '#spec'
import type {
  DirectMessages,
  MessageForDevice,
  StoredMessages,
  ToDeviceWriter,
} from '../../ports/encryption/to-device.ts'
import { defineWrite, type InsertRow, insertInto, queriesOver, type Tx } from '../engine/index.ts'
import type { ToDeviceTables } from './to-device-tables.ts'

const query = queriesOver<ToDeviceTables>()

const transaction = query((db, param: { source: string; id: string }) =>
  db.selectFrom('to_device_transactions').select('id').where('source', '=', param.source).where('id', '=', param.id),
)
const insertTransaction = insertInto('to_device_transactions', { source: 'text', id: 'text', at_ms: 'integer' })
/** The devices of users, with the total of the newest message of each inbox, and the total before the oldest. */
const devicesOf = query((db, param: { userIds: readonly string[] }, { texts }) =>
  db
    .selectFrom('users as u')
    .innerJoin('devices as d', 'd.user_number', 'u.user_number')
    .select(['u.user_id as userId', 'u.user_number as user', 'd.device', 'd.device_id as deviceId'])
    .select((of) => [
      of
        .selectFrom('to_device_messages as m')
        .select('m.total_bytes')
        .whereRef('m.device', '=', 'd.device')
        .orderBy('m.position', 'desc')
        .limit(1)
        .as('newest'),
      of
        .selectFrom('to_device_messages as m')
        .select((message) => message('m.total_bytes', '-', message.ref('m.size_bytes')).as('before'))
        .whereRef('m.device', '=', 'd.device')
        .orderBy('m.position')
        .limit(1)
        .as('before'),
    ])
    .where('u.user_id', 'in', texts(param.userIds))
    .orderBy('d.device'),
)
const insertMessage = insertInto('to_device_messages', {
  device: 'integer',
  position: 'integer',
  sender: 'integer',
  type: 'text',
  content_json: 'text',
  size_bytes: 'integer',
  total_bytes: 'integer',
})

const deleteUpTo = query((db, param: { device: number; upTo: number; limit: number }) =>
  db
    .deleteFrom('to_device_messages')
    .where('device', '=', param.device)
    .where('position', 'in', (of) =>
      of
        .selectFrom('to_device_messages as m')
        .select('m.position')
        .where('m.device', '=', param.device)
        .where('m.position', '<=', param.upTo)
        .orderBy('m.position')
        .limit(param.limit),
    ),
)
const deleteOfDevice = query((db, param: { device: number; limit: number }) =>
  db
    .deleteFrom('to_device_messages')
    .where('device', '=', param.device)
    .where('position', 'in', (of) =>
      of
        .selectFrom('to_device_messages as m')
        .select('m.position')
        .where('m.device', '=', param.device)
        .orderBy('m.position')
        .limit(param.limit),
    ),
)
const goneOf = query((db, param: { user: number }) =>
  db.selectFrom('gone_devices').select('device').where('user_number', '=', param.user).orderBy('device'),
)
const anyGone = query((db, param: { limit: number }) =>
  db.selectFrom('gone_devices').select('device').orderBy('device').limit(param.limit),
)
const forgetGone = query((db, param: { devices: readonly number[] }, { integers }) =>
  db.deleteFrom('gone_devices').where('device', 'in', integers(param.devices)),
)
const deleteTransactions = query((db, param: { beforeMs: number; limit: number }) =>
  db
    .deleteFrom('to_device_transactions')
    .where('at_ms', '<=', (of) =>
      of
        .selectFrom(
          of
            .selectFrom('to_device_transactions')
            .select('at_ms')
            .where('at_ms', '<', param.beforeMs)
            .orderBy('at_ms')
            .limit(param.limit)
            .as('piece'),
        )
        .select((piece) => piece.fn.max('at_ms').as('last')),
    ),
)

interface DeviceRow {
  readonly userId: string
  readonly user: number
  readonly device: number
  readonly deviceId: string
  readonly newest: number | null
  readonly before: number | null
}

/** Finds the content for a device among the messages for its user. */
const contentsByUser = (messages: readonly MessageForDevice[]) => {
  const byUser = new Map<string, Map<string, string>>()
  for (const { userId, deviceId, contentJson } of messages) {
    const ofUser = byUser.get(userId)
    if (ofUser === undefined) byUser.set(userId, new Map([[deviceId, contentJson]]))
    else ofUser.set(deviceId, contentJson)
  }
  return byUser
}

const send = defineWrite('toDevice.send', ['toDevice'], async (tx, input: DirectMessages): Promise<StoredMessages> => {
  const { source, id } = input
  if ((await tx.first(transaction, { source, id })) !== undefined) return { stored: 0, full: 0 }
  await tx.insertMany(insertTransaction, [{ source, id, at_ms: input.atMs }])
  const byUser = contentsByUser(input.messages)
  if (byUser.size === 0) return { stored: 0, full: 0 }
  const devices = await tx.all(devicesOf, { userIds: [...byUser.keys()] })
  return put(tx, input, devices, byUser)
})

const put = async (
  tx: Tx,
  { sender, type, inboxBytes }: DirectMessages,
  devices: readonly DeviceRow[],
  byUser: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Promise<StoredMessages> => {
  const rows: InsertRow<typeof insertMessage>[] = []
  const users = new Set<number>()
  const senderNumber = await tx.userNumber(sender)
  let full = 0
  for (const { userId, user, device, deviceId, newest, before } of devices) {
    const contents = byUser.get(userId)
    const contentJson = contents?.get(deviceId) ?? contents?.get('*')
    if (contentJson === undefined) continue
    const sizeBytes = Buffer.byteLength(contentJson)
    const total = (newest ?? 0) + sizeBytes
    if (newest !== null && total - (before ?? 0) > inboxBytes) {
      full++
      continue
    }
    users.add(user)
    rows.push({
      device,
      position: rows.length,
      sender: senderNumber,
      type,
      content_json: contentJson,
      size_bytes: sizeBytes,
      total_bytes: total,
    })
  }
  if (rows.length === 0) return { stored: 0, full }
  const first = tx.next('toDevice', rows.length)
  await tx.insertMany(
    insertMessage,
    rows.map((row) => ({ ...row, position: first + row.position })),
  )
  tx.announce({ stream: 'toDevice', position: first + rows.length - 1, rooms: [], users: [...users] })
  return { stored: rows.length, full }
}

const acknowledge = defineWrite(
  'toDevice.acknowledge',
  (tx, input: { device: number; upTo: number; limit: number }): Promise<number> => tx.run(deleteUpTo, input),
)

/** Removes messages of these devices until the limit is reached. Returns the devices of which nothing is left. */
const removeMessages = async (tx: Tx, devices: readonly number[], limit: number): Promise<readonly number[]> => {
  const emptied: number[] = []
  let left = limit
  for (const device of devices) {
    const removed = await tx.run(deleteOfDevice, { device, limit: left })
    left -= removed
    if (left <= 0) break
    emptied.push(device)
  }
  return emptied
}

const removeOfGone = defineWrite(
  'toDevice.removeOfGone',
  async (tx, { userId, limit }: { userId: UserId; limit: number }): Promise<void> => {
    const gone = await tx.all(goneOf, { user: await tx.userNumber(userId) })
    await removeMessages(
      tx,
      gone.map(({ device }) => device),
      limit,
    )
  },
)

const sweepGone = defineWrite('toDevice.sweepGone', async (tx, { limit }: { limit: number }): Promise<boolean> => {
  const gone = await tx.all(anyGone, { limit })
  const devices = gone.map(({ device }) => device)
  const emptied = await removeMessages(tx, devices, limit)
  if (emptied.length > 0) await tx.run(forgetGone, { devices: emptied })
  return gone.length === limit || emptied.length < gone.length
})

const dropTransactions = defineWrite(
  'toDevice.dropTransactions',
  (tx, input: { beforeMs: number; limit: number }): Promise<number> => tx.run(deleteTransactions, input),
)

export const toDeviceWrites = [send, acknowledge, removeOfGone, sweepGone, dropTransactions]

export const toDeviceWriter: ToDeviceWriter = {
  send,
  acknowledge: (device, upTo, limit) => acknowledge({ device, upTo, limit }),
  removeOfGone: (userId, limit) => removeOfGone({ userId, limit }),
  sweepGone: (limit) => sweepGone({ limit }),
  dropTransactions: (beforeMs, limit) => dropTransactions({ beforeMs, limit }),
}
