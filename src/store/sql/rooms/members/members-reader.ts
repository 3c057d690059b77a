import { type Kysely, sql } from 'kysely'
import type { Membership, UserId } from '#spec'
import type { MemberRecord, MembersReader } from '../../../ports/rooms/members.ts'
import type { Db } from '../../engine/index.ts'
import { isLargeRoom } from '../state/state-reader.ts'
import { query, type RoomTables } from '../tables.ts'
import { roomsAround } from './rooms-around.ts'

const selectMembers = (db: Kysely<RoomTables>) =>
  db
    .selectFrom('memberships as m')
    .innerJoin('users as u', 'u.user_number', 'm.user_number')
    .select(['u.user_id as userId', 'm.user_number as user', 'm.membership', 'm.position'])

/** So many memberships are read in the serving thread. */
const FEW_MEMBERSHIPS = 200

const memberOfRoom = query((db, param: { room: number; user: UserId }) =>
  selectMembers(db).select('m.forgotten').where('m.room', '=', param.room).where('u.user_id', '=', param.user),
)

const membersOfRoom = query((db, param: { room: number; memberships: readonly Membership[] }, { texts }) =>
  selectMembers(db)
    .where('m.room', '=', param.room)
    .where('m.membership', 'in', texts(param.memberships))
    .orderBy('m.position'),
)

const firstWithMembership = query(
  (db, param: { room: number; membership: Membership; limit: number; except: UserId }) =>
    selectMembers(db)
      .where('m.room', '=', param.room)
      .where('m.membership', '=', param.membership)
      .where('u.user_id', '!=', param.except)
      .orderBy('m.position')
      .limit(param.limit),
)

const firstJoinOfOne = query((db, param: { room: number; user: UserId }) =>
  db
    .selectFrom('state_log')
    .select('position')
    .where('room', '=', param.room)
    .where('type', '=', 'm.room.member')
    .where('state_key', '=', param.user)
    .where('membership', '=', 'join')
    .orderBy('position')
    .limit(1),
)

/** One step into the index `state_log_joins` for each room. */
const lastJoinsOfUser = query((db, param: { rooms: readonly number[]; user: UserId }, { integers }) =>
  db
    .selectFrom('rooms as r')
    .select((of) => [
      'r.room',
      of
        .selectFrom('state_log as s')
        .select('s.position')
        .whereRef('s.room', '=', 'r.room')
        .where('s.state_key', '=', param.user)
        .where('s.membership', '=', sql.lit('join'))
        .orderBy('s.position', 'desc')
        .limit(1)
        .as('joined'),
    ])
    .where('r.room', 'in', integers(param.rooms)),
)

const roomsOfOne = query((db, param: { user: UserId }) =>
  db
    .selectFrom('users as u')
    .innerJoin('memberships as m', 'm.user_number', 'u.user_number')
    .innerJoin('rooms as r', 'r.room', 'm.room')
    .select(['m.room', 'r.room_id as roomId', 'm.membership', 'm.position', 'm.forgotten'])
    .select(['r.partial_since', 'r.whole_since'])
    .where('u.user_id', '=', param.user)
    .orderBy('m.room'),
)

/** One step into the index of timelines for each room, however many events came since. */
const changedOfOne = query((db, param: { user: number; after: number; upTo: number }) =>
  db
    .selectFrom('memberships as m')
    .select('m.room')
    .where('m.user_number', '=', param.user)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('events as e')
          .select('e.event')
          .whereRef('e.room', '=', 'm.room')
          .where('e.position', '>', param.after)
          .where('e.position', '<=', param.upTo),
      ),
    ),
)

const selectCommonRooms = (db: Kysely<RoomTables>) =>
  db
    .selectFrom('users as one')
    .innerJoin('memberships as mine', 'mine.user_number', 'one.user_number')
    .innerJoin('memberships as theirs', 'theirs.room', 'mine.room')
    .innerJoin('users as other', 'other.user_number', 'theirs.user_number')
    .select('mine.room')
    .where('mine.membership', '=', 'join')
    .where('theirs.membership', '=', 'join')

const commonRoom = query((db, param: { one: UserId; other: UserId }) =>
  selectCommonRooms(db).where('one.user_id', '=', param.one).where('other.user_id', '=', param.other).limit(1),
)

const commonRooms = query((db, param: { one: UserId; other: UserId; after: number; limit: number }) =>
  selectCommonRooms(db)
    .innerJoin('rooms as r', 'r.room', 'mine.room')
    .select('r.room_id as roomId')
    .where('one.user_id', '=', param.one)
    .where('other.user_id', '=', param.other)
    .where('mine.room', '>', param.after)
    .orderBy('mine.room')
    .limit(param.limit),
)

const countCommonRooms = query((db, param: { one: UserId; other: UserId; upTo: number }) =>
  db
    .selectFrom(
      selectCommonRooms(db)
        .where('one.user_id', '=', param.one)
        .where('other.user_id', '=', param.other)
        .limit(param.upTo)
        .as('common'),
    )
    .select((eb) => eb.fn.countAll<number>().as('count')),
)

interface NearUser {
  readonly user: UserId
  /** Larger rooms do not count. */
  readonly maxMembers: number
}

/** A row for everybody in each room of the user, who is among them. */
const selectNear = (db: Kysely<RoomTables>, { user, maxMembers }: NearUser) =>
  db
    .selectFrom('users as one')
    .innerJoin('memberships as mine', 'mine.user_number', 'one.user_number')
    .innerJoin('rooms as r', 'r.room', 'mine.room')
    .innerJoin('memberships as theirs', 'theirs.room', 'r.room')
    .select('theirs.user_number')
    .where('one.user_id', '=', user)
    .where('mine.membership', '=', 'join')
    .where('r.joined_count', '<=', maxMembers)
    .where('theirs.membership', '=', 'join')

const usersInCommonRooms = query((db, param: NearUser) =>
  db
    .selectFrom('users as u')
    .select('u.user_id')
    .where('u.user_id', '!=', param.user)
    .where('u.user_number', 'in', selectNear(db, param)),
)

/** The same where they are few: no more memberships are looked at. */
const fewInCommonRooms = query((db, param: NearUser) =>
  db
    .selectFrom(
      selectNear(db, param)
        .limit(sql.lit(FEW_MEMBERSHIPS + 1))
        .as('near'),
    )
    .innerJoin('users as u', 'u.user_number', 'near.user_number')
    .select('u.user_id'),
)

/** One range of the index of entries in force. */
const joinedPage = query((db, param: { room: number; after: string; limit: number }) =>
  db
    .selectFrom('state_log as s')
    .innerJoin('events as e', 'e.event', 's.event')
    .select(['s.state_key', 'e.json'])
    .where('s.room', '=', param.room)
    .where('s.type', '=', 'm.room.member')
    .where('s.until_position', 'is', null)
    .where('s.state_key', '>', param.after)
    .where('s.membership', '=', 'join')
    .orderBy('s.state_key')
    .limit(param.limit),
)

const bannedPage = query((db, param: { room: number; position: number; user: number; limit: number }) =>
  db
    .selectFrom('memberships as m')
    .innerJoin('users as u', 'u.user_number', 'm.user_number')
    .innerJoin('state_log as s', (join) => join.onRef('s.room', '=', 'm.room').onRef('s.state_key', '=', 'u.user_id'))
    .innerJoin('events as e', 'e.event', 's.event')
    .select(['m.position', 'm.user_number', 'u.user_id', 'e.json'])
    .where('m.room', '=', param.room)
    .where('m.membership', '=', 'ban')
    .where(sql<boolean>`(m.position, m.user_number) > (${param.position}, ${param.user})`)
    .where('s.type', '=', 'm.room.member')
    .where('s.until_position', 'is', null)
    .orderBy('m.position')
    .orderBy('m.user_number')
    .limit(param.limit),
)

const joinedWithEntry = query((db, param: { user: UserId; type: string; stateKey: string; limit: number }) =>
  db
    .selectFrom('users as u')
    .innerJoin('memberships as m', 'm.user_number', 'u.user_number')
    .innerJoin('state_log as s', 's.room', 'm.room')
    .innerJoin('rooms as r', 'r.room', 'm.room')
    .select('r.room_id')
    .where('u.user_id', '=', param.user)
    .where('m.membership', '=', 'join')
    .where('s.type', '=', param.type)
    .where('s.state_key', '=', param.stateKey)
    .where('s.until_position', 'is', null)
    .where('s.event', 'is not', null)
    .orderBy('m.room')
    .limit(param.limit),
)

export const membersReader = (db: Db): MembersReader => ({
  membership: async (room, user) => {
    const row = await db.first(memberOfRoom, { room, user })
    return row && { ...row, forgotten: row.forgotten === 1 }
  },

  members: async (room, memberships) => {
    const params = { room, memberships }
    return (await isLargeRoom(db, room)) ? db.longAll(membersOfRoom, params) : db.all(membersOfRoom, params)
  },

  /** One index range for each membership, so that a large room costs no more than a small one. */
  firstMembers: async (room, memberships, limit, except) => {
    const found: MemberRecord[] = []
    for (const membership of memberships) {
      found.push(...(await db.all(firstWithMembership, { room, membership, limit, except })))
    }
    return found.sort((one, other) => one.position - other.position).slice(0, limit)
  },

  firstJoin: async (room, user) => (await db.first(firstJoinOfOne, { room, user }))?.position,
  lastJoins: async (rooms, user) => {
    const rows = await db.all(lastJoinsOfUser, { rooms, user })
    return new Map(rows.flatMap(({ room, joined }) => (joined === null ? [] : [[room, joined]])))
  },

  roomsOfUser: async (user) => {
    const rows = await db.all(roomsOfOne, { user })
    return rows.map(({ partial_since, whole_since, forgotten, ...row }) => {
      const since = partial_since === null ? whole_since : Number.MAX_SAFE_INTEGER
      return { ...row, forgotten: forgotten === 1, ...(since === null ? {} : { membersSince: since }) }
    })
  },

  roomsAround: (page) => roomsAround(db, page),

  changedRoomsOfUser: async (user, after, upTo) => {
    const rows = await db.longAll(changedOfOne, { user, after, upTo })
    return rows.map(({ room }) => room)
  },

  bannedUsers: async (room, { position, user }, limit) => {
    const rows = await db.all(bannedPage, { room, position, user, limit })
    return rows.map((row) => ({
      place: { position: row.position, user: row.user_number },
      userId: row.user_id,
      json: row.json,
    }))
  },

  joinedRoomsWith: async (user, type, stateKey, limit) => {
    const rows = await db.longAll(joinedWithEntry, { user, type, stateKey, limit })
    return rows.map(({ room_id }) => room_id)
  },

  joinedMembers: async (room, after, limit) => {
    const rows = await db.all(joinedPage, { room, after, limit })
    return rows.map(({ state_key, json }) => ({ userId: state_key as UserId, json }))
  },

  shareRoom: async (one, other) => (await db.first(commonRoom, { one, other })) !== undefined,

  mutualRooms: (one, other, after, limit) => db.longAll(commonRooms, { one, other, after, limit }),

  countMutualRooms: async (one, other, upTo) => {
    const [row] = await db.longAll(countCommonRooms, { one, other, upTo })
    return Number(row?.count ?? 0)
  },

  usersSharingRooms: async (user, maxMembers = Number.MAX_SAFE_INTEGER) => {
    const few = await db.all(fewInCommonRooms, { user, maxMembers })
    const rows = few.length <= FEW_MEMBERSHIPS ? few : await db.longAll(usersInCommonRooms, { user, maxMembers })
    const others = new Set(rows.map((row) => row.user_id))
    others.delete(user)
    return [...others]
  },
})
