import { sql } from 'kysely'
import type { RoomId, UserId } from '#spec'
import { WriteConflict } from '../../../ports/engine/change.ts'
import {
  type AppliedRoomChange,
  baseAfter,
  headOf,
  type NewRoom,
  type RoomChange,
  type RoomsWriter,
} from '../../../ports/rooms/room-change.ts'
import { delayIdOf } from '../../../ports/timed/delayed-events.ts'
import { brief, defineWrite, packed, type Tx } from '../../engine/index.ts'
import { finaliseIn } from '../../timed/delayed-events-tables.ts'
import { storeSticky } from '../../timed/sticky-events.ts'
import { assertReferences, branchesText, isBase, type StoredBase, storedBase } from '../room-base.ts'
import { eventOfTransaction, insertAliases, query } from '../tables.ts'
import { isMessages, storeChange } from './room-change.ts'
import { appliedChangePacking, roomChangePacking } from './room-change-packing.ts'
import { roomCompletions, roomCompletionWrites } from './room-completion.ts'
import { roomEntrances, roomEntranceWrites } from './room-entrances.ts'
import { storeListing } from './room-listing.ts'
import { roomOverviews, roomOverviewWrites } from './room-overviews.ts'

const insertRoom = query(
  (
    db,
    param: {
      roomId: RoomId
      version: string
      extremities: string | null
      published: number
      bytes: number | null
      entries: number | null
    },
  ) =>
    db
      .insertInto('rooms')
      .values({
        room_id: param.roomId,
        version: param.version,
        sequence: 1,
        extremities: param.extremities,
        joined_count: 0,
        invited_count: 0,
        published: param.published,
        last_resolved_position: 0,
        state_bytes: param.bytes,
        state_entries: param.entries,
      })
      .onConflict((on) => on.column('room_id').doNothing())
      .returning('room'),
)

const moveRoom = query((db, param: { room: number; sequence: number; extremities: string | null; resolved: number }) =>
  db
    .updateTable('rooms')
    .set({
      sequence: param.sequence,
      extremities: param.extremities,
      last_resolved_position: sql<number>`case when ${param.resolved} > last_resolved_position then ${param.resolved} else last_resolved_position end`,
    })
    .where('room', '=', param.room),
)

const forgetRoom = query((db, param: { room: number; user: number }) =>
  db
    .updateTable('memberships')
    .set({ forgotten: 1 })
    .where('user_number', '=', param.user)
    .where('room', '=', param.room)
    .where('membership', 'in', ['leave', 'ban']),
)

const setStateSize = query((db, param: { room: number; bytes: number; entries: number }) =>
  db
    .updateTable('rooms')
    .set({ state_bytes: param.bytes, state_entries: param.entries })
    .where('room', '=', param.room),
)

const deleteAlias = query((db, param: { alias: string }) => db.deleteFrom('aliases').where('alias', '=', param.alias))

/** The extremities for the room's row; null if the newest event of the timeline is the only one. */
const branchesOf = ({ events, extremities }: Pick<RoomChange, 'events' | 'extremities'>): string | null => {
  const newest = events.findLast(({ placing }) => placing === 'timeline')
  if (newest !== undefined && extremities.length === 1 && extremities[0]?.eventId === newest.eventId) return null
  return branchesText(extremities)
}

const timelineLength = ({ events }: Pick<RoomChange, 'events'>): number =>
  events.reduce((count, { placing }) => count + (placing === 'timeline' ? 1 : 0), 0)

const create = defineWrite('rooms.create', ['events'], async (tx, input: NewRoom): Promise<AppliedRoomChange> => {
  const { roomId, version, published, change, alias } = input
  const first = tx.next('events', timelineLength(change), 'in-rows')
  const made = await tx.first(insertRoom, {
    roomId,
    version,
    extremities: branchesOf(change),
    published: published ? 1 : 0,
    bytes: change.stateSize?.bytes ?? null,
    entries: change.stateSize?.entries ?? null,
  })
  if (made === undefined) throw new WriteConflict('room-exists')
  const { room } = made
  if (alias !== undefined) {
    await tx.insertMany(insertAliases, [{ alias: alias.alias, room, creator: await tx.userNumber(alias.creator) }])
  }
  if (published) await storeListing(tx, room, { ...change, published })
  await assertReferences(tx, room, change, '')
  const { positions } = await storeChange(tx, room, change, first, true)
  return { room, base: { sequence: 1, head: headOf(change.extremities) }, positions }
})

/** Whether an event of the change has the transaction of a stored one. */
const hasUsedTransaction = async (tx: Tx, { events }: Pick<RoomChange, 'events'>): Promise<boolean> => {
  for (const { transaction } of events)
    if (transaction !== undefined && (await tx.first(eventOfTransaction, transaction)) !== undefined) return true
  return false
}

/** Finalises the delayed events that are sent by the change. */
const finaliseSent = async (tx: Tx, { events }: Pick<RoomChange, 'events'>): Promise<void> => {
  for (const { transaction, eventId, originServerTs } of events) {
    const delayId = delayIdOf(transaction)
    if (delayId === undefined) continue
    const { isNew } = await finaliseIn(tx, delayId, { atMs: originServerTs, outcome: { kind: 'sent', eventId } })
    if (!isNew) throw new WriteConflict('delay-finalised')
  }
}

const applyChange = async (tx: Tx, change: RoomChange): Promise<AppliedRoomChange> => {
  const { room, base } = change
  const stored = (tx.kept(room) as StoredBase | undefined) ?? (await storedBase(tx, room))
  // A repeated request is told so whatever happened to the room: a hundred of them fail at once, not one after the other.
  if (!isBase(stored, base))
    throw new WriteConflict((await hasUsedTransaction(tx, change)) ? 'transaction-used' : 'room-changed')
  await assertReferences(tx, room, change, base.head)
  await finaliseSent(tx, change)
  const first = tx.next('events', timelineLength(change), 'in-rows')
  const { positions, resolvedPosition } = await storeChange(tx, room, change, first, false)
  await storeListing(tx, room, change)
  if (change.stateSize !== undefined) await tx.run(setStateSize, { room, ...change.stateSize })
  const after = baseAfter(base, change)
  const branches = branchesOf(change)
  const isPlain = stored.linear && branches === null && after.sequence === base.sequence && resolvedPosition === 0
  if (!isPlain)
    await tx.run(moveRoom, { room, sequence: after.sequence, extremities: branches, resolved: resolvedPosition })
  tx.keep(room, { ...after, linear: branches === null } satisfies StoredBase)
  return { room, base: after, positions }
}

const BRIEF_EVENTS = 4
const BRIEF_LENGTH = 32 * 1024

/** A few short messages: what they write does not depend on how much the room has. */
const isBriefChange = (change: RoomChange): boolean =>
  change.events.length <= BRIEF_EVENTS &&
  isMessages(change) &&
  change.events.every(({ json }) => json.length <= BRIEF_LENGTH)

const apply = brief(
  packed(defineWrite('rooms.apply', ['events'], applyChange), roomChangePacking, appliedChangePacking),
  isBriefChange,
)

/** The same with sticky events, whose stream other changes need not lock. */
const applySticky = defineWrite(
  'rooms.applySticky',
  ['events', 'stickyEvents'],
  async (tx, change: RoomChange): Promise<AppliedRoomChange> => {
    const applied = await applyChange(tx, change)
    await storeSticky(tx, change.room, change.events, applied.positions)
    return applied
  },
)

const isSticky = ({ events }: RoomChange): boolean => events.some(({ stickyUntilMs }) => stickyUntilMs !== undefined)

const forget = defineWrite(
  'rooms.forget',
  ['events'],
  async (tx, input: { room: number; user: UserId }): Promise<void> => {
    const user = await tx.userNumber(input.user)
    await tx.run(forgetRoom, { room: input.room, user })
    // The position has no event, but caches of the user's rooms must hear of it.
    tx.announce({ stream: 'events', position: tx.next('events', 1), rooms: [], users: [user] })
  },
)

const addAlias = defineWrite(
  'rooms.addAlias',
  async (tx, { alias, room, creator }: { alias: string; room: number; creator: UserId }): Promise<void> => {
    await tx.insertMany(insertAliases, [{ alias, room, creator: await tx.userNumber(creator) }])
  },
)

const removeAlias = defineWrite('rooms.removeAlias', async (tx, { alias }: { alias: string }): Promise<void> => {
  await tx.run(deleteAlias, { alias })
})

export const roomWrites = [
  ...roomEntranceWrites,
  ...roomCompletionWrites,
  ...roomOverviewWrites,
  create,
  apply,
  applySticky,
  forget,
  addAlias,
  removeAlias,
]

export const roomsWriter: RoomsWriter = {
  ...roomEntrances,
  ...roomCompletions,
  ...roomOverviews,
  create,
  apply: (change) => (isSticky(change) ? applySticky(change) : apply(change)),
  forget: (room, user) => forget({ room, user }),
  addAlias: (alias, room, creator) => addAlias({ alias, room, creator }),
  removeAlias: (alias) => removeAlias({ alias }),
}
