import type { EventId, UserId } from '#spec'
import type {
  AppservicesOutReader,
  AppservicesOutWriter,
  DeliveredInbox,
  ServicePositions,
  ServiceTransaction,
} from '../../ports/appservices/appservices-out.ts'
import type { ToDeviceTables } from '../encryption/to-device-tables.ts'
import { type Db, defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'

interface AppserviceTables extends RoomTables, Pick<ToDeviceTables, 'devices' | 'to_device_messages'> {
  readonly appservice_progress: {
    readonly service: string
    readonly events: number
    readonly receipts: number
    readonly device_lists: number
    readonly txn: number
    readonly last_success: number | null
  }
  readonly appservice_transactions: {
    readonly service: string
    readonly txn: number
    readonly body: string
    readonly items: number
    readonly inboxes: string
  }
}

const query = queriesOver<AppserviceTables>()

const progressOf = query((db, param: { service: string }) =>
  db
    .selectFrom('appservice_progress')
    .select(['events', 'receipts', 'device_lists', 'txn', 'last_success'])
    .where('service', '=', param.service),
)
const transactionOf = query((db, param: { service: string }) =>
  db
    .selectFrom('appservice_transactions')
    .select(['txn', 'body', 'items', 'inboxes'])
    .where('service', '=', param.service),
)
const eventsOfRooms = query(
  (db, param: { rooms: readonly number[]; after: number; upTo: number; limit: number }, { integers }) =>
    db
      .selectFrom('events')
      .select(['event as position', 'event_id'])
      .where('event', '>', param.after)
      .where('event', '<=', param.upTo)
      .where('room', 'in', integers(param.rooms))
      .orderBy('event')
      .limit(param.limit),
)
const ownersOfMessages = query((db) =>
  db
    .selectFrom('to_device_messages as m')
    .innerJoin('devices as d', 'd.device', 'm.device')
    .innerJoin('users as u', 'u.user_number', 'd.user_number')
    .select(['u.user_number as user', 'u.user_id as userId'])
    .distinct(),
)
const devicesOfUser = query((db, param: { user: number }) =>
  db.selectFrom('devices').select(['device', 'device_id as deviceId']).where('user_number', '=', param.user),
)

const setPositions = query(
  (db, param: { service: string; events: number; receipts: number; deviceLists: number; txn: number }) =>
    db
      .insertInto('appservice_progress')
      .values({
        service: param.service,
        events: param.events,
        receipts: param.receipts,
        device_lists: param.deviceLists,
        txn: param.txn,
        last_success: null,
      })
      .onConflict((on) =>
        on.column('service').doUpdateSet({
          events: param.events,
          receipts: param.receipts,
          device_lists: param.deviceLists,
        }),
      ),
)
const setTransaction = query((db, param: { service: string; txn: number }) =>
  db.updateTable('appservice_progress').set({ txn: param.txn }).where('service', '=', param.service),
)
const setSuccess = query((db, param: { service: string; atMs: number }) =>
  db.updateTable('appservice_progress').set({ last_success: param.atMs }).where('service', '=', param.service),
)
const insertTransaction = insertInto(
  'appservice_transactions',
  { service: 'text', txn: 'integer', body: 'text', items: 'integer', inboxes: 'text' },
  { ifExists: 'transaction-under-way' },
)
const removeTransaction = query((db, param: { service: string; txn: number }) =>
  db.deleteFrom('appservice_transactions').where('service', '=', param.service).where('txn', '=', param.txn),
)
const removeMessages = query((db, param: { device: number; position: number }) =>
  db.deleteFrom('to_device_messages').where('device', '=', param.device).where('position', '<=', param.position),
)

const advance = defineWrite(
  'appservicesOut.advance',
  async (tx, input: ServicePositions & { service: string }): Promise<void> => {
    await tx.run(setPositions, { ...input, txn: 0 })
  },
)

const queue = defineWrite(
  'appservicesOut.queue',
  async (
    tx,
    input: { service: string; transaction: ServiceTransaction; positions: ServicePositions },
  ): Promise<void> => {
    const { service, transaction, positions } = input
    const { txn, body, items, inboxes } = transaction
    const told = inboxes.map(({ device, position }) => [device, position])
    await tx.insertMany(insertTransaction, [{ service, txn, body, items, inboxes: JSON.stringify(told) }])
    await tx.run(setPositions, { service, ...positions, txn })
    await tx.run(setTransaction, { service, txn })
  },
)

const taken = defineWrite(
  'appservicesOut.taken',
  async (
    tx,
    input: { service: string; txn: number; inboxes: readonly DeliveredInbox[]; atMs: number },
  ): Promise<void> => {
    const { service, txn, inboxes, atMs } = input
    await tx.run(removeTransaction, { service, txn })
    await tx.run(setSuccess, { service, atMs })
    for (const inbox of inboxes) await tx.run(removeMessages, inbox)
  },
)

export const appservicesOutWrites = [advance, queue, taken]

export const appservicesOutWriter: AppservicesOutWriter = {
  advance: (service, positions) => advance({ service, ...positions }),
  queue: (service, transaction, positions) => queue({ service, transaction, positions }),
  taken: (service, { txn, inboxes }, atMs) => taken({ service, txn, inboxes, atMs }),
}

export const appservicesOutReader = (db: Db): AppservicesOutReader => ({
  progress: async (service) => {
    const row = await db.first(progressOf, { service })
    if (row === undefined) return undefined
    const { events, receipts, device_lists: deviceLists, txn, last_success } = row
    return { events, receipts, deviceLists, txn, lastSuccessMs: last_success ?? undefined }
  },
  underWay: async (service) => {
    const row = await db.first(transactionOf, { service })
    if (row === undefined) return undefined
    const inboxes = (JSON.parse(row.inboxes) as [number, number][]).map(([device, position]) => ({ device, position }))
    return { ...row, inboxes }
  },
  eventIdsIn: async (rooms, range) =>
    (await db.all(eventsOfRooms, { rooms, ...range })).map((row) => ({
      position: row.position,
      eventId: row.event_id as EventId,
    })),
  usersWithMessages: async () =>
    (await db.longAll(ownersOfMessages, {})).map(({ user, userId }) => ({ user, userId: userId as UserId })),
  devicesOf: (user) => db.all(devicesOfUser, { user }),
})
