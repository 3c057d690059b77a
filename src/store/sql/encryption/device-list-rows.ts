import { sql } from 'kysely'
import type { DeviceId } from '#spec'
import type { DeviceNumber } from '../../ports/accounts/devices.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { insertInto, type Tx } from '../engine/index.ts'
import { anyRoom } from '../rooms/members/rooms-around.ts'
import { query } from './tables.ts'

/** No user has this number. */
const ALL = 0
/** Older changes of a user say nothing that these do not. */
const CHANGES_KEPT = 50

const otherDevice = query((db, param: { user: UserNumber; device: number }) =>
  db
    .selectFrom('devices')
    .select('device')
    .where('user_number', '=', param.user)
    .where('device', '<>', param.device)
    .limit(1),
)
const insertChange = insertInto('device_list_changes', {
  position: 'integer',
  user_number: 'integer',
  told_to: 'integer?',
  device_id: 'text?',
})
const oldestKept = query((db, param: { user: UserNumber; toldTo: number; kept: number }) =>
  db
    .selectFrom('device_list_changes')
    .select('position')
    .where('user_number', '=', param.user)
    .where((eb) => eb.fn.coalesce('told_to', sql.lit(ALL)), '=', param.toldTo)
    .orderBy('position', 'desc')
    .limit(1)
    .offset(param.kept),
)
const deleteOlder = query((db, param: { user: UserNumber; toldTo: number; upTo: number }) =>
  db
    .deleteFrom('device_list_changes')
    .where('user_number', '=', param.user)
    .where((eb) => eb.fn.coalesce('told_to', sql.lit(ALL)), '=', param.toldTo)
    .where('position', '<=', param.upTo),
)

/** The streams that a write which calls these declares. */
export const DEVICE_LISTS = ['deviceLists'] as const

/** Stands in the place of a device's id: no device changed, but cross-signing keys of the user or signatures on them. No device has an empty id. */
export const CROSS_SIGNING = ''

const record = async (
  tx: Tx,
  user: UserNumber,
  toldTo: UserNumber | null,
  deviceId: string | null,
): Promise<number> => {
  // Servers that see the number before a change have seen all. Where several devices changed, it is one that nobody was told, so that they ask for the whole list.
  const position = deviceId === null ? tx.next('deviceLists', 2) + 1 : tx.next('deviceLists', 1)
  await tx.insertMany(insertChange, [{ position, user_number: user, told_to: toldTo, device_id: deviceId }])
  const superseded = await tx.first(oldestKept, { user, toldTo: toldTo ?? ALL, kept: CHANGES_KEPT })
  if (superseded !== undefined) {
    await tx.run(deleteOlder, { user, toldTo: toldTo ?? ALL, upTo: superseded.position })
  }
  return position
}

/**
 * Says to everybody who shares a room with the user, and to the user, that keys of the user changed: of one device, `CROSS_SIGNING`, or null for
 * several devices.
 */
export const recordChange = async (tx: Tx, user: UserNumber, deviceId: string | null): Promise<void> => {
  const position = await record(tx, user, null, deviceId)
  tx.announce({ stream: 'deviceLists', position, rooms: [], users: [user], around: user })
}

/** Says the same of a new device, unless nobody can have heard of its user: a new account. */
export const recordNewDevice = async (
  tx: Tx,
  user: UserNumber,
  device: DeviceNumber,
  deviceId: DeviceId,
): Promise<void> => {
  const isFirst = (await tx.first(otherDevice, { user, device })) === undefined
  if (isFirst && (await tx.first(anyRoom, { user })) === undefined) return
  await recordChange(tx, user, deviceId)
}

/** Says to one user alone that keys of these users are others now: as that user sees them. */
export const recordChangesFor = async (tx: Tx, viewer: UserNumber, users: Iterable<UserNumber>): Promise<void> => {
  for (const user of users) {
    const position = await record(tx, user, viewer, CROSS_SIGNING)
    tx.announce({ stream: 'deviceLists', position, rooms: [], users: [viewer] })
  }
}
