import { sql } from 'kysely'
import type { EventId } from '#spec'
import { WriteConflict } from '../../../ports/engine/change.ts'
import type { PartialEntrance } from '../../../ports/rooms/room-change.ts'
import { defineWrite, insertInto, type Tx } from '../../engine/index.ts'
import { ServerRows, setServers } from '../servers/room-server-rows.ts'
import { storeState } from '../state/branch-states.ts'
import { query } from '../tables.ts'
import {
  type AtPosition,
  beginEntries,
  countMembers,
  eachJoined,
  type OfRoom,
  selectJoins,
  setMemberships,
  takeGathered,
} from './entered-state.ts'

const insertPartial = insertInto('partial_rooms', {
  room: 'integer',
  join_id: 'text',
  server: 'text',
  failures: 'integer',
  due_ms: 'integer',
})
const takePartial = query((db, param: OfRoom) => db.deleteFrom('partial_rooms').where('room', '=', param.room))
const setPartial = query((db, param: OfRoom & { readonly since: number | null }) =>
  db.updateTable('rooms').set({ partial_since: param.since }).where('room', '=', param.room),
)
const partialSince = query((db, param: OfRoom) =>
  db.selectFrom('rooms').select('partial_since as since').where('room', '=', param.room),
)

/** Notes that the room lacks members from that position on, and counts the servers that are said to be in it. */
export const beginPartial = async (
  tx: Tx,
  { room, position }: AtPosition,
  joinId: EventId,
  { from, servers }: PartialEntrance,
): Promise<void> => {
  await tx.run(takePartial, { room })
  await tx.insertMany(insertPartial, [{ room, join_id: joinId, server: from, failures: 0, due_ms: 0 }])
  await tx.run(setPartial, { room, since: position })
  const rows = new ServerRows(tx, room)
  for (const server of servers) rows.countServer(server, 1, position)
  await rows.write()
}

/** Ends what `beginPartial` began, where that was: the servers of the room are those of its members. */
export const endPartial = async (tx: Tx, { room, position }: AtPosition): Promise<void> => {
  const row = await tx.first(partialSince, { room })
  if ((row?.since ?? null) === null) return
  await tx.run(takePartial, { room })
  await tx.run(setPartial, { room, since: null })
  await setServers(tx, { room, position, joined: await joinedByServer(tx, room) })
}

const joinedMembers = query((db, param: OfRoom & { readonly after: string; readonly limit: number }) =>
  selectJoins(db, param).where('until_position', 'is', null),
)

const joinedByServer = async (tx: Tx, room: number): Promise<ReadonlyMap<string, number>> => {
  const joined = new Map<string, number>()
  await eachJoined(tx, joinedMembers, { room }, (userId) => {
    const server = userId.slice(userId.indexOf(':') + 1)
    joined.set(server, (joined.get(server) ?? 0) + 1)
  })
  return joined
}

const addMissing = beginEntries('any')

/** The changes since the server came in, the newest first, with what was in force before: where the log does not know it, what the whole state says. */
const changesSince = query((db, param: OfRoom & { readonly since: number; readonly until: number }) =>
  db
    .selectFrom('state_log as s')
    .leftJoin('state_log as b', (join) =>
      join
        .onRef('b.room', '=', 's.room')
        .onRef('b.type', '=', 's.type')
        .onRef('b.state_key', '=', 's.state_key')
        .onRef('b.until_position', '=', 's.position'),
    )
    .leftJoin('entering_entries as n', (join) =>
      join.onRef('n.room', '=', 's.room').onRef('n.type', '=', 's.type').onRef('n.state_key', '=', 's.state_key'),
    )
    .select(['s.type', 's.state_key', 's.position'])
    .select(sql<number | null>`case when b.position is not null then b.event else n.event end`.as('before'))
    .where('s.room', '=', param.room)
    .where('s.position', '>', param.since)
    .where('s.position', '<', param.until)
    .orderBy('s.position', 'desc'),
)
interface Stretch extends OfRoom {
  /** Events above the first position and up to the second one. */
  readonly above: number
  readonly upTo: number
  readonly at: number
  readonly state: number | null
}
const setPrior = query((db, param: Stretch) =>
  db
    .updateTable('events')
    .set({ prior_at: param.at, prior_state: param.state })
    .where('room', '=', param.room)
    .where('position', '>', param.above)
    .where('position', '<=', param.upTo),
)

/**
 * Says of each event since the server came in that the state before it is the whole one at `position`, but for what changed from the event on. All of them stood on top of
 * the room, so each state is the one after it without one change.
 */
const placePriors = async (tx: Tx, { room, position, since }: AtPosition & { since: number }): Promise<void> => {
  const undone = new Map<string, { type: string; state_key: string; event: number | null }>()
  let below: readonly number[] = []
  let upTo = position
  for (const [at, changes] of Map.groupBy(
    await tx.all(changesSince, { room, since, until: position }),
    (one) => one.position,
  )) {
    await tx.run(setPrior, { room, above: at, upTo, at: position, state: below[0] ?? null })
    const own = changes.map(({ type, state_key, before }) => ({ type, state_key, event: before }))
    for (const one of own) undone.set(JSON.stringify([one.type, one.state_key]), one)
    below = await storeState(tx, { room, at: position, below, own, whole: async () => [...undone.values()] })
    upTo = at
  }
  await tx.run(setPrior, { room, above: since, upTo, at: position, state: below[0] ?? null })
}

const usersOf = query((db, param: OfRoom) =>
  db.selectFrom('memberships').select('user_number').where('room', '=', param.room),
)
const moveRoom = query((db, param: AtPosition) =>
  db
    .updateTable('rooms')
    .set({
      sequence: sql<number>`sequence + 1`,
      ...{ last_resolved_position: param.position, whole_since: param.position },
      ...{ state_bytes: null, state_entries: null },
    })
    .where('room', '=', param.room),
)

const complete = defineWrite('rooms.complete', ['events'], async (tx, { room }: OfRoom): Promise<void> => {
  const since = (await tx.first(partialSince, { room }))?.since ?? null
  if (since === null) throw new WriteConflict('room-changed')
  const position = tx.next('events', 1)
  const at = { room, position }
  await tx.run(addMissing, at)
  await placePriors(tx, { ...at, since })
  await tx.run(setMemberships, at)
  await endPartial(tx, at)
  await tx.run(countMembers, { room })
  await tx.run(moveRoom, at)
  await tx.run(takeGathered, { room })
  const users = await tx.all(usersOf, { room })
  tx.announce({ stream: 'events', position, rooms: [room], users: users.map(({ user_number }) => user_number) })
})

const delay = query((db, param: OfRoom & { readonly failures: number; readonly dueMs: number }) =>
  db.updateTable('partial_rooms').set({ failures: param.failures, due_ms: param.dueMs }).where('room', '=', param.room),
)
const completeLater = defineWrite(
  'rooms.completeLater',
  async (tx, later: OfRoom & { readonly failures: number; readonly dueMs: number }): Promise<void> => {
    await tx.run(delay, later)
  },
)
/** The room keeps saying since when it lacks members: nobody will give them to a server that has left. */
const giveUp = defineWrite('rooms.completeNever', async (tx, { room }: OfRoom): Promise<void> => {
  await tx.run(takePartial, { room })
})

export const roomCompletionWrites = [complete, completeLater, giveUp]

export const roomCompletions = {
  complete: (room: number) => complete({ room }),
  completeLater,
  completeNever: (room: number) => giveUp({ room }),
} as const
