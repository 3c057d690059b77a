import { type Kysely, sql } from 'kysely'
import type { UserId } from '#spec'
import type { StoredEvent } from '../../ports/rooms/events.ts'
import type { HeadsQuery, RoomHeadsReader, StoredHead } from '../../ports/rooms/room-heads.ts'
import type { RoomRecord } from '../../ports/rooms/room-record.ts'
import type { PlacedEvent } from '../../ports/rooms/state.ts'
import type { Db } from '../engine/index.ts'
import { selectRooms, toRoomRecord } from './room-records.ts'
import { logOf, placed, toPlaced } from './state/state-pages.ts'
import { selectEvents, toStoredEvent } from './stored-events.ts'
import { query, type RoomTables } from './tables.ts'

/** States above either are read a page at a time. */
const MOST_ENTRIES = 50
const MOST_STATE_BYTES = 64 * 1024
/** Users whose member events are looked for in each of the rooms. */
const MOST_SENDERS = 30

const MEMBER = 'm.room.member'
/** Members are counted up to here: whether a room has few is all that is asked. */
const COUNTED_MEMBERS = 31

const records = query((db, param: { rooms: readonly number[] }, { integers }) =>
  selectRooms(db)
    .select((eb) =>
      eb
        .selectFrom(
          eb
            .selectFrom('state_log as s')
            .select('s.position')
            .whereRef('s.room', '=', 'r.room')
            .where('s.type', '=', sql.lit(MEMBER))
            .where('s.until_position', 'is', null)
            .limit(sql.lit(COUNTED_MEMBERS))
            .as('few'),
        )
        .select((of) => of.fn.countAll<number>().as('count'))
        .as('member_entries'),
    )
    .where('r.room', 'in', integers(param.rooms)),
)

/** The position of the n-th newest event is one walk over the end of the index of the room's timeline. */
const newest = query((db, param: { rooms: readonly number[]; before: number }, { integers }) =>
  selectEvents(db)
    .where('r.room', 'in', integers(param.rooms))
    .where('e.position', '>=', (eb) =>
      eb.fn.coalesce(
        eb
          .selectFrom('events as nth')
          .select('nth.position')
          .whereRef('nth.room', '=', 'r.room')
          .where('nth.position', 'is not', null)
          .orderBy('nth.position', 'desc')
          .limit(1)
          .offset(param.before),
        sql<number>`0`,
      ),
    )
    .orderBy('e.room')
    .orderBy('e.position', 'desc'),
)

const inForce = (db: Kysely<RoomTables>) =>
  placed(logOf(db)).select('s.position as placed_at').where('s.until_position', 'is', null)

/** Two ranges of the index for each room, so that the members in between are not walked over. */
const stateBeside = (beside: '<' | '>') =>
  query((db, param: { rooms: readonly number[] }, { integers }) =>
    inForce(db)
      .where('s.room', 'in', integers(param.rooms))
      .where('s.type', beside, sql.lit(MEMBER))
      .orderBy('s.room')
      .orderBy('s.type')
      .orderBy('s.state_key'),
  )
const stateBefore = stateBeside('<')
const stateBehind = stateBeside('>')

const allMembersIn = query((db, param: { rooms: readonly number[] }, { integers }) =>
  inForce(db)
    .where('s.room', 'in', integers(param.rooms))
    .where('s.type', '=', sql.lit(MEMBER))
    .orderBy('s.room')
    .orderBy('s.state_key'),
)

const membersIn = query((db, param: { rooms: readonly number[]; users: readonly string[] }, { integers, texts }) =>
  inForce(db)
    .where('s.room', 'in', integers(param.rooms))
    .where('s.type', '=', sql.lit(MEMBER))
    .where('s.state_key', 'in', texts(param.users)),
)

const isShort = ({ stateSize }: RoomRecord): boolean =>
  stateSize !== undefined && stateSize.entries <= MOST_ENTRIES && stateSize.bytes <= MOST_STATE_BYTES

const roomOf = ({ event }: PlacedEvent): number => event.room

const sendersOf = (events: readonly StoredEvent[], user: UserId): readonly UserId[] => {
  const senders = new Set([user, ...events.map(({ sender }) => sender)])
  return senders.size > MOST_SENDERS ? [user] : [...senders]
}

export const roomHeadsReader = (db: Db): RoomHeadsReader => {
  const state = async (rooms: readonly number[]): Promise<readonly PlacedEvent[]> => {
    if (rooms.length === 0) return []
    const before = await db.all(stateBefore, { rooms })
    return [...before, ...(await db.all(stateBehind, { rooms }))].map(toPlaced)
  }

  const members = async (small: readonly number[], large: readonly number[], users: readonly UserId[]) => {
    const all = small.length === 0 ? [] : await db.all(allMembersIn, { rooms: small })
    const some = large.length === 0 ? [] : await db.all(membersIn, { rooms: large, users })
    return [...all, ...some].map(toPlaced)
  }

  return {
    heads: async ({ rooms, limit, user, fewMembers }: HeadsQuery) => {
      const rows = await db.all(records, { rooms })
      const numbers = rows.map(({ room }) => room)
      const events = (await db.all(newest, { rooms: numbers, before: limit - 1 })).map(toStoredEvent)
      const small = new Set(rows.filter((row) => Number(row.member_entries) <= fewMembers).map(({ room }) => room))
      const known = rows.map(toRoomRecord)
      const states = Map.groupBy(await state(known.filter(isShort).map(({ room }) => room)), roomOf)
      const users = sendersOf(events, user)
      const large = numbers.filter((room) => !small.has(room))
      const memberEvents = Map.groupBy(await members([...small], large, users), roomOf)
      const timelines = Map.groupBy(events, ({ room }) => room)
      const headOf = (record: RoomRecord): StoredHead => {
        const { room } = record
        const newestOfRoom = timelines.get(room) ?? []
        return {
          record,
          events: newestOfRoom,
          isWhole: newestOfRoom.length < limit,
          state: isShort(record) ? (states.get(room) ?? []) : undefined,
          members: new Map(memberEvents.get(room)?.map((member) => [member.change.stateKey as UserId, member])),
          membersOf: small.has(room) ? 'all' : new Set(users),
        }
      }
      return new Map(known.map((record) => [record.room, headOf(record)]))
    },
  }
}
