import { sql } from 'kysely'
import type { UserId } from '#spec'
import type { Between, DeviceListsReader } from '../../ports/encryption/device-lists.ts'
import type { RoomNumber, UserNumber } from '../../ports/rooms/events.ts'
import type { Db, Query } from '../engine/index.ts'
import { CROSS_SIGNING } from './device-list-rows.ts'
import { query } from './tables.ts'

type UserRow = { readonly user_number: number }

const ownChanges = query((db, param: Between & { viewer: UserNumber }) =>
  db
    .selectFrom('device_list_changes')
    .select('user_number')
    .where('user_number', '=', param.viewer)
    .where('told_to', 'is', null)
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo)
    .limit(1),
)
const toldAlone = query((db, param: Between & { viewer: UserNumber }) =>
  db
    .selectFrom('device_list_changes')
    .select('user_number')
    .distinct()
    .where('told_to', '=', param.viewer)
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo),
)
const changedAround = query((db, param: Between & { viewer: UserNumber }) =>
  db
    .selectFrom('device_list_changes as c')
    .select('c.user_number')
    .distinct()
    .where('c.position', '>', param.after)
    .where('c.position', '<=', param.upTo)
    .where('c.told_to', 'is', null)
    .where('c.user_number', '!=', param.viewer)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('memberships as theirs')
          .innerJoin('memberships as mine', 'mine.room', 'theirs.room')
          .select('mine.room')
          .whereRef('theirs.user_number', '=', 'c.user_number')
          .where('mine.user_number', '=', param.viewer),
      ),
    ),
)

const roomsInCommon = query((db, param: { viewer: UserNumber; others: readonly UserNumber[] }, { integers }) =>
  db
    .selectFrom('memberships as theirs')
    .innerJoin('memberships as mine', 'mine.room', 'theirs.room')
    .select('theirs.room')
    .distinct()
    .where('theirs.user_number', 'in', integers(param.others))
    .where('mine.user_number', '=', param.viewer),
)

/** Ends at the first room of each user. */
const surelySharing = query(
  (db, param: { viewer: UserNumber; others: readonly UserNumber[]; at: number }, { integers }) =>
    db
      .selectFrom('users as u')
      .select('u.user_number')
      .where('u.user_number', 'in', integers(param.others))
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('memberships as theirs')
            .innerJoin('memberships as mine', 'mine.room', 'theirs.room')
            .select('mine.room')
            .whereRef('theirs.user_number', '=', 'u.user_number')
            .where('theirs.membership', '=', sql.lit('join'))
            .where('theirs.position', '<=', param.at)
            .where('mine.user_number', '=', param.viewer)
            .where('mine.membership', '=', sql.lit('join'))
            .where('mine.position', '<=', param.at),
        ),
      ),
)

interface JoinedParams {
  readonly rooms: readonly RoomNumber[]
  readonly at: number
  readonly among: readonly UserNumber[]
}
const joinedSince = query((db, param: JoinedParams, { integers }) =>
  db
    .selectFrom('memberships')
    .select('user_number')
    .distinct()
    .where('room', 'in', integers(param.rooms))
    .where('membership', '=', 'join')
    .where('position', '<=', param.at),
)
const joinedSinceAmong = query((db, param: JoinedParams, { integers }) =>
  db
    .selectFrom('memberships')
    .select('user_number')
    .distinct()
    .where('user_number', 'in', integers(param.among))
    .where('room', 'in', integers(param.rooms))
    .where('membership', '=', 'join')
    .where('position', '<=', param.at),
)
/** Written as the index `state_log_until` is defined: entries that ended after the position. */
const UNTIL = sql<number>`coalesce(s.until_position, ${sql.lit(Number.MAX_SAFE_INTEGER)})`
const joinedUntilLater = query((db, param: JoinedParams, { integers }) =>
  db
    .selectFrom('state_log as s')
    .innerJoin('users as u', 'u.user_id', 's.state_key')
    .select('u.user_number')
    .distinct()
    .where('s.room', 'in', integers(param.rooms))
    .where(UNTIL, '>', param.at)
    .where(UNTIL, '<', sql.lit(Number.MAX_SAFE_INTEGER))
    .where('s.type', '=', 'm.room.member')
    .where('s.membership', '=', 'join')
    .where('s.position', '<=', param.at),
)
const memberChanges = query((db, param: Between & { rooms: readonly RoomNumber[] }, { integers }) =>
  db
    .selectFrom('state_log as s')
    .innerJoin('users as u', 'u.user_id', 's.state_key')
    .select('u.user_number')
    .distinct()
    .where('s.room', 'in', integers(param.rooms))
    .where('s.position', '>', param.after)
    .where('s.position', '<=', param.upTo)
    .where('s.type', '=', 'm.room.member'),
)
const userIds = query((db, param: { users: readonly UserNumber[] }, { integers }) =>
  db.selectFrom('users').select('user_id').where('user_number', 'in', integers(param.users)),
)

const version = query((db, param: { userId: UserId }) =>
  db
    .selectFrom('users as u')
    .innerJoin('device_list_changes as c', 'c.user_number', 'u.user_number')
    .select('c.position')
    .where('u.user_id', '=', param.userId)
    .where('c.told_to', 'is', null)
    .where((eb) => eb.or([eb('c.device_id', 'is', null), eb('c.device_id', '!=', sql.lit(CROSS_SIGNING))]))
    .orderBy('c.position', 'desc')
    .limit(1),
)

/** Larger windows, and larger searches, are read off the event loop. */
const SHORT_WINDOW = 100
const FEW_LOOKUPS = 1_000
const FEW_ROOMS = 200
/** The rooms of more users are not looked through: most are in few, and some in very many. */
const FEW_USERS = 20
/** Beyond this all members are read, rather than these users looked for. */
const MANY_USERS = 1_000

export const deviceListsReader = (db: Db): DeviceListsReader => {
  const read = async <Params>(few: boolean, asked: Query<Params, UserRow>, params: Params): Promise<UserNumber[]> =>
    (few ? await db.all(asked, params) : await db.longAll(asked, params)).map((row) => row.user_number)
  const isShort = ({ after, upTo }: Between): boolean => upTo - after <= SHORT_WINDOW
  return {
    changes: async (viewer, window) => {
      const params = { viewer, ...window }
      const own = await read(true, ownChanges, params)
      return {
        around: await read(isShort(window), changedAround, params),
        certain: [...new Set([...own, ...(await read(isShort(window), toldAlone, params))])],
      }
    },
    roomsInCommon: async (viewer, others) => {
      if (others.length > FEW_USERS) return undefined
      if (others.length === 0) return []
      return (await db.longAll(roomsInCommon, { viewer, others })).map(({ room }) => room)
    },
    surelySharing: async (viewer, others, at) =>
      others.length === 0 ? [] : read(others.length <= FEW_USERS, surelySharing, { viewer, others, at }),
    joinedAt: async (rooms, at, among) => {
      if (rooms.length === 0 || among?.length === 0) return []
      const params = { rooms, at, among: among ?? [] }
      const isNarrow = among !== undefined && among.length <= MANY_USERS
      const few = isNarrow && rooms.length * among.length <= FEW_LOOKUPS
      const since = await read(few, isNarrow ? joinedSinceAmong : joinedSince, params)
      const found = new Set([...since, ...(await read(few, joinedUntilLater, params))])
      if (among === undefined) return [...found]
      return among.filter((user) => found.has(user))
    },
    memberChanges: async (rooms, window) =>
      rooms.length === 0 ? [] : read(isShort(window) && rooms.length <= FEW_ROOMS, memberChanges, { rooms, ...window }),
    userIds: async (users) => {
      if (users.length === 0) return []
      const few = users.length <= FEW_LOOKUPS
      const rows = few ? await db.all(userIds, { users }) : await db.longAll(userIds, { users })
      return rows.map((row) => row.user_id as UserId)
    },
    version: async (userId) => (await db.first(version, { userId }))?.position ?? 0,
  }
}
