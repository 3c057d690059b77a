import { sql } from 'kysely'
import type { RoomId, UserId } from '#spec'
import { WriteConflict } from '../../ports/engine/change.ts'
import type { AppliedRoomChange, NewRoom, RoomChange, RoomsWriter } from '../../ports/rooms/rooms.ts'
import { defineWrite } from '../engine/index.ts'
import { storeChange } from './room-change.ts'
import { insertAliases, query } from './tables.ts'

const insertRoom = query(
  (db, param: { roomId: RoomId; version: string; extremities: string; published: number; lastPosition: number }) =>
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
        last_position: param.lastPosition,
      })
      .onConflict((on) => on.column('room_id').doNothing())
      .returning('room'),
)

const advanceRoom = query(
  (db, param: { room: number; expectedSequence: number; extremities: string; lastPosition: number | null }) =>
    db
      .updateTable('rooms')
      .set({
        sequence: sql<number>`sequence + 1`,
        extremities: param.extremities,
        last_position: sql<number>`coalesce(${param.lastPosition}, last_position)`,
      })
      .where('room', '=', param.room)
      .where('sequence', '=', param.expectedSequence),
)

const forgetRoom = query((db, param: { room: number; user: number }) =>
  db
    .updateTable('memberships')
    .set({ forgotten: 1 })
    .where('user_number', '=', param.user)
    .where('room', '=', param.room)
    .where('membership', 'in', ['leave', 'ban']),
)

const publishRoom = query((db, param: { room: number; published: number }) =>
  db.updateTable('rooms').set({ published: param.published }).where('room', '=', param.room),
)

const deleteAlias = query((db, param: { alias: string }) => db.deleteFrom('aliases').where('alias', '=', param.alias))

const extremitiesText = (extremities: RoomChange['extremities']): string =>
  JSON.stringify(extremities.map(({ eventId, depth }) => [eventId, depth]))

const create = defineWrite('rooms.create', async (tx, input: NewRoom): Promise<AppliedRoomChange> => {
  const { roomId, version, published, change, alias } = input
  const first = tx.next('events', change.events.length)
  const made = await tx.first(insertRoom, {
    roomId,
    version,
    extremities: extremitiesText(change.extremities),
    published: published ? 1 : 0,
    lastPosition: first + change.events.length - 1,
  })
  if (made === undefined) throw new WriteConflict('room-exists')
  const { room } = made
  if (alias !== undefined) {
    await tx.insertMany(insertAliases, [{ alias: alias.alias, room, creator: await tx.userNumber(alias.creator) }])
  }
  return { room, sequence: 1, positions: await storeChange(tx, room, change, first, true) }
})

const apply = defineWrite('rooms.apply', async (tx, change: RoomChange): Promise<AppliedRoomChange> => {
  const { room, expectedSequence, events } = change
  const first = tx.next('events', events.length)
  const advanced = await tx.run(advanceRoom, {
    room,
    expectedSequence,
    extremities: extremitiesText(change.extremities),
    lastPosition: events.length === 0 ? null : first + events.length - 1,
  })
  if (advanced === 0) throw new WriteConflict('room-changed')
  return { room, sequence: expectedSequence + 1, positions: await storeChange(tx, room, change, first, false) }
})

const forget = defineWrite('rooms.forget', async (tx, input: { room: number; user: UserId }): Promise<void> => {
  const user = await tx.userNumber(input.user)
  await tx.run(forgetRoom, { room: input.room, user })
  // No event, but who keeps the user's rooms in memory must hear of it.
  tx.announce({ stream: 'events', position: tx.next('events', 1), rooms: [], users: [user] })
})

const setPublished = defineWrite(
  'rooms.setPublished',
  async (tx, { room, published }: { room: number; published: boolean }): Promise<void> => {
    await tx.run(publishRoom, { room, published: published ? 1 : 0 })
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

export const roomWrites = [create, apply, forget, setPublished, addAlias, removeAlias]

export const roomsWriter: RoomsWriter = {
  create,
  apply,
  forget: (room, user) => forget({ room, user }),
  setPublished: (room, published) => setPublished({ room, published }),
  addAlias: (alias, room, creator) => addAlias({ alias, room, creator }),
  removeAlias: (alias) => removeAlias({ alias }),
}
