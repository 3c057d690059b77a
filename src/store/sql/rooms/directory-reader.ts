import { type Kysely, sql } from 'kysely'
import type { DirectoryReader, ListedRoom, ListedRoomsFilter, ListedRoomsQuery } from '../../ports/rooms/directory.ts'
import type { Db, Lists, Query } from '../engine/index.ts'
import { query, type RoomTables } from './tables.ts'

/** Written as the index `rooms_listed` is defined: a partial index serves a literal only. */
const published = (db: Kysely<RoomTables>) =>
  db
    .selectFrom('rooms as r')
    .leftJoin('room_listings as l', 'l.room', 'r.room')
    .where('r.published', '=', sql.lit(1))
    .where('r.joined_count', '>', sql.lit(0))

type Published = ReturnType<typeof published>

interface SearchParams {
  readonly pattern: string
  readonly anyType: number
  readonly types: readonly string[]
}

const matching = (rooms: Published, param: SearchParams, { texts }: Lists): Published =>
  rooms
    .where(sql<boolean>`l.searchable like ${param.pattern} escape '!'`)
    .where((of) => of.or([of(sql<number>`${param.anyType}`, '=', 1), of('l.room_type', 'in', texts(param.types))]))

interface PageParams extends SearchParams {
  readonly joined: number
  readonly room: number
  readonly limit: number
}

const asRows = (rooms: Published) =>
  rooms.select([
    'r.room',
    'r.room_id as roomId',
    'r.joined_count as joinedCount',
    'l.shown',
    'l.searchable',
    'l.room_type',
  ])

type Narrow = (rooms: Published, param: PageParams, lists: Lists) => Published
type ListedRow = Awaited<ReturnType<ReturnType<typeof asRows>['execute']>>[number]

const everyRoom: Narrow = (rooms) => rooms

/** One range of `rooms_listed` each: the rooms with as many members as the place, and those with more or fewer. */
const pages = (wanted: Narrow): Record<'forward' | 'backward', readonly Query<PageParams, ListedRow>[]> => ({
  forward: [
    query((db, param: PageParams, lists) =>
      asRows(wanted(published(db), param, lists))
        .where('r.joined_count', '=', param.joined)
        .where('r.room', '>', param.room)
        .orderBy('r.room')
        .limit(param.limit),
    ),
    query((db, param: PageParams, lists) =>
      asRows(wanted(published(db), param, lists))
        .where('r.joined_count', '<', param.joined)
        .orderBy('r.joined_count', 'desc')
        .orderBy('r.room')
        .limit(param.limit),
    ),
  ],
  backward: [
    query((db, param: PageParams, lists) =>
      asRows(wanted(published(db), param, lists))
        .where('r.joined_count', '=', param.joined)
        .where('r.room', '<', param.room)
        .orderBy('r.room', 'desc')
        .limit(param.limit),
    ),
    query((db, param: PageParams, lists) =>
      asRows(wanted(published(db), param, lists))
        .where('r.joined_count', '>', param.joined)
        .orderBy('r.joined_count')
        .orderBy('r.room', 'desc')
        .limit(param.limit),
    ),
  ],
})

const ALL_PAGES = pages(everyRoom)
const FOUND_PAGES = pages(matching)

const counted = (wanted: Narrow) =>
  query((db, param: PageParams, lists) =>
    db
      .selectFrom(wanted(published(db), param, lists).select('r.room').limit(param.limit).as('some'))
      .select(sql<number>`count(*)`.as('count')),
  )
const countAll = counted(everyRoom)
const countFound = counted(matching)

const publishedAfter = query((db, param: { after: number; limit: number }) =>
  db
    .selectFrom('rooms as r')
    .leftJoin('room_listings as l', 'l.room', 'r.room')
    .select(['r.room', 'r.room_id as roomId', 'l.room as listed'])
    .where('r.published', '=', sql.lit(1))
    .where('r.room', '>', param.after)
    .orderBy('r.room')
    .limit(param.limit),
)
const newest = query((db) => db.selectFrom('rooms').select(sql<number | null>`max(room)`.as('room')))

const isSearch = ({ term, roomTypes }: ListedRoomsFilter): boolean =>
  (term !== undefined && term !== '') || roomTypes !== undefined

const searchParams = ({ term = '', roomTypes }: ListedRoomsFilter): SearchParams => ({
  pattern: `%${term.replaceAll(/[!%_]/g, '!$&')}%`,
  anyType: roomTypes === undefined ? 1 : 0,
  types: roomTypes ?? [],
})

const toListedRoom = ({ room, roomId, joinedCount, shown, searchable, room_type }: ListedRow): ListedRoom => ({
  room,
  roomId,
  joinedCount,
  listing:
    shown === null || searchable === null || room_type === null
      ? undefined
      : { shownJson: shown, searchable, roomType: room_type },
})

export const directoryReader = (db: Db): DirectoryReader => ({
  listedRooms: async ({ direction, beyond, limit, ...filter }: ListedRoomsQuery) => {
    const search = isSearch(filter)
    const params = { ...searchParams(filter), joined: beyond.joinedCount, room: beyond.room }
    const found: ListedRoom[] = []
    for (const page of (search ? FOUND_PAGES : ALL_PAGES)[direction]) {
      if (found.length >= limit) break
      const rest = { ...params, limit: limit - found.length }
      const rows = search ? await db.longAll(page, rest) : await db.all(page, rest)
      found.push(...rows.map(toListedRoom))
    }
    return found
  },

  countListed: async (filter, upTo) => {
    const params = { ...searchParams(filter), joined: 0, room: 0, limit: upTo }
    const [row] = isSearch(filter) ? await db.longAll(countFound, params) : await db.all(countAll, params)
    return row?.count ?? 0
  },

  roomsToList: async (after, limit) => {
    const rows = await db.all(publishedAfter, { after, limit })
    return {
      roomIds: rows.filter(({ listed }) => listed === null).map(({ roomId }) => roomId),
      upTo: rows.length < limit ? undefined : rows.at(-1)?.room,
    }
  },

  newestRoom: async () => (await db.first(newest, {}))?.room ?? 0,
})
