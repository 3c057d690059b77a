import { sql } from 'kysely'
import type { EventId, UserId } from '#spec'
import type { Receipt, ReceiptsReader, ReceiptType } from '../../ports/personal/receipts.ts'
import type { RoomNumber, UserNumber } from '../../ports/rooms/events.ts'
import { type Db, queriesOver, type UserTables } from '../engine/index.ts'
import type { RoomTables } from '../rooms/tables.ts'
import { type ReceiptTables, UNTHREADED } from './receipts-writes.ts'

/** If at most this many receipts of the whole server have moved, they are searched for the rooms in question. */
const FEW_MOVED = 400

/** So many receipts are read in the serving thread. */
const FEW_IN_ROOMS = 200

const query = queriesOver<ReceiptTables & UserTables & Pick<RoomTables, 'memberships' | 'events'>>()

const COLUMNS = [
  'receipts.room',
  'receipts.type',
  'receipts.thread_id',
  'receipts.event_id',
  'receipts.event_position',
  'receipts.at_ms',
  'receipts.content_json',
  'users.user_id',
] as const

interface Row {
  readonly room: number
  readonly type: string
  readonly thread_id: string
  readonly event_id: string
  readonly event_position: number
  readonly at_ms: number
  readonly content_json: string | null
  readonly user_id: string
}

const roomsMoved = query((db, param: { after: number; upTo: number }) =>
  db
    .selectFrom('receipts')
    .select('room')
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo)
    .orderBy('position')
    .limit(FEW_MOVED),
)
const since = query(
  (
    db,
    param: { rooms: readonly RoomNumber[]; after: number; upTo: number; forUser: string; publicType: string },
    { integers },
  ) =>
    db
      .selectFrom('receipts')
      .innerJoin('users', 'users.user_number', 'receipts.user_number')
      .select(COLUMNS)
      .where('receipts.room', 'in', integers(param.rooms))
      .where('receipts.position', '>', param.after)
      .where('receipts.position', '<=', param.upTo)
      .where((eb) => eb.or([eb('receipts.type', '=', param.publicType), eb('users.user_id', '=', param.forUser)]))
      .orderBy('receipts.position'),
)
const privateOfUsers = query(
  (
    db,
    param: { users: readonly UserNumber[]; after: number; upTo: number; limit: number; privateType: string },
    { integers },
  ) =>
    db
      .selectFrom('receipts')
      .innerJoin('users', 'users.user_number', 'receipts.user_number')
      .select([...COLUMNS, 'receipts.position'])
      .where('receipts.position', '>', param.after)
      .where('receipts.position', '<=', param.upTo)
      .where('receipts.type', '=', param.privateType)
      .where('receipts.user_number', 'in', integers(param.users))
      .orderBy('receipts.position')
      .limit(param.limit),
)
const onEvents = query(
  (db, param: { positions: readonly number[]; forUser: string; publicType: string }, { integers }) =>
    db
      .selectFrom('receipts')
      .innerJoin('users', 'users.user_number', 'receipts.user_number')
      .select(COLUMNS)
      .where('receipts.event_position', 'in', integers(param.positions))
      .where((eb) => eb.or([eb('receipts.type', '=', param.publicType), eb('users.user_id', '=', param.forUser)]))
      .orderBy('receipts.position'),
)
const inRooms = query(
  (db, param: { rooms: readonly RoomNumber[]; forUser: string; publicType: string }, { integers }) =>
    db
      .selectFrom('receipts')
      .innerJoin('users', 'users.user_number', 'receipts.user_number')
      .select(COLUMNS)
      .where('receipts.room', 'in', integers(param.rooms))
      .where((eb) => eb.or([eb('receipts.type', '=', param.publicType), eb('users.user_id', '=', param.forUser)]))
      .orderBy('receipts.position'),
)
/** The same where they are few: no more rows are looked at, whoever may see them. */
const fewInRooms = query((db, param: { rooms: readonly RoomNumber[] }, { integers }) =>
  db
    .selectFrom('receipts')
    .innerJoin('users', 'users.user_number', 'receipts.user_number')
    .select([...COLUMNS, 'receipts.position'])
    .where('receipts.room', 'in', integers(param.rooms))
    .limit(sql.lit(FEW_IN_ROOMS + 1)),
)
const ofUser = query((db, param: { user: UserNumber; rooms: readonly RoomNumber[] }, { integers }) =>
  db
    .selectFrom('receipts')
    .innerJoin('users', 'users.user_number', 'receipts.user_number')
    .select(COLUMNS)
    .where('receipts.room', 'in', integers(param.rooms))
    .where('receipts.user_number', '=', param.user),
)

/** Each room is two searches of an index, whatever its size. */
const unreadRooms = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('memberships as m')
    .select('m.room')
    .where('m.user_number', '=', param.user)
    .where('m.membership', '=', 'join')
    .where(
      sql<boolean>`coalesce((select max(r.event_position) from receipts as r where r.room = m.room and r.user_number = m.user_number
        and r.type in ('m.read', 'm.read.private') and r.thread_id = ''), 0)
        < (select max(e.position) from events as e where e.room = m.room and e.position is not null)`,
    ),
)

const receiptOf = (row: Row): Receipt => ({
  room: row.room,
  userId: row.user_id as UserId,
  type: row.type as ReceiptType,
  eventId: row.event_id as EventId,
  eventPosition: row.event_position,
  threadId: row.thread_id === UNTHREADED ? undefined : row.thread_id,
  atMs: row.at_ms,
  ...(row.content_json === null ? {} : { contentJson: row.content_json }),
})

const PUBLIC: ReceiptType = 'm.read'
const PRIVATE: ReceiptType = 'm.read.private'

/** Rooms in which receipts moved; undefined where there are many. In a short window there are few, and their number does not depend on that of the rooms asked for. */
const fewMoved = async (db: Db, after: number, upTo: number): Promise<ReadonlySet<RoomNumber> | undefined> => {
  const moved = await db.all(roomsMoved, { after, upTo })
  return moved.length < FEW_MOVED ? new Set(moved.map(({ room }) => room)) : undefined
}

const movedIn = async (
  db: Db,
  rooms: readonly RoomNumber[],
  window: { readonly after: number; readonly upTo: number; readonly forUser: UserId },
): Promise<readonly Receipt[]> =>
  rooms.length === 0 ? [] : (await db.longAll(since, { rooms, ...window, publicType: PUBLIC })).map(receiptOf)

export const receiptsReader = (db: Db): ReceiptsReader => ({
  since: async (rooms, after, upTo, forUser) => {
    if (after >= upTo || rooms.length === 0) return []
    const moved = rooms.length > 1 ? await fewMoved(db, after, upTo) : undefined
    const asked = moved === undefined ? rooms : rooms.filter((room) => moved.has(room))
    return movedIn(db, asked, { after, upTo, forUser })
  },
  sinceIn: async (rooms, after, upTo, forUser) => {
    if (after >= upTo) return []
    const moved = await fewMoved(db, after, upTo)
    const asked = moved === undefined ? [...rooms.all()] : [...moved].filter((room) => rooms.has(room))
    return movedIn(db, asked, { after, upTo, forUser })
  },
  privateSince: async (users, after, upTo, limit) => {
    if (after >= upTo || users.length === 0) return []
    const rows = await db.longAll(privateOfUsers, { users, after, upTo, limit, privateType: PRIVATE })
    return rows.map((row) => ({ ...receiptOf(row), position: row.position }))
  },
  onEvents: async (positions, forUser) => {
    if (positions.length === 0) return []
    return (await db.longAll(onEvents, { positions, forUser, publicType: PUBLIC })).map(receiptOf)
  },
  inRooms: async (rooms, forUser) => {
    if (rooms.length === 0) return []
    const few = await db.all(fewInRooms, { rooms })
    if (few.length <= FEW_IN_ROOMS) {
      const seen = few.filter(({ type, user_id }) => type === PUBLIC || user_id === forUser)
      return seen.sort((one, other) => one.position - other.position).map(receiptOf)
    }
    return (await db.longAll(inRooms, { rooms, forUser, publicType: PUBLIC })).map(receiptOf)
  },
  ofUser: async (user, rooms) => {
    if (rooms.length === 0) return []
    return (await db.all(ofUser, { user, rooms })).map(receiptOf)
  },
  unreadRooms: async (user) => (await db.longAll(unreadRooms, { user })).map(({ room }) => room),
})
