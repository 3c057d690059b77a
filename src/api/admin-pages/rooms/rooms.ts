import { loadAdminPages } from '#pages'
import { MatrixError, parseRoomId, type RoomId } from '#spec'
import type { AdminRoomList, RoomTables } from '#views'
import {
  csvReply,
  EXPORT_ROWS,
  isoOf,
  nextOffset,
  offsetOf,
  orderOf,
  PAGE_ROWS,
  pagesOf,
  stateOf,
  textOf,
} from '../lists.ts'
import { at, type PageHandler, type Visit } from '../visit.ts'

export interface RoomsPageDeps {
  readonly adminRoomList: Pick<AdminRoomList, 'page'>
  readonly roomTables: RoomTables
}

export const ROOMS = '/admin/rooms'

type Room = Awaited<ReturnType<AdminRoomList['page']>>['rooms'][number]

const ORDERS = ['name', 'canonical_alias', 'joined_members', 'joined_local_members', 'version', 'state_events'] as const
/** Orders whose natural direction is from the largest. */
const LARGEST_FIRST: readonly string[] = ['joined_members', 'joined_local_members', 'version', 'state_events']

const SHOWN: Readonly<Record<string, { readonly published?: boolean; readonly empty?: boolean }>> = {
  published: { published: true },
  unpublished: { published: false },
  empty: { empty: true },
  inhabited: { empty: false },
}

const questionOf = (visit: Visit) => {
  const { order, descending } = orderOf(visit, ORDERS, { order: 'name', descending: false })
  return {
    order,
    reversed: LARGEST_FIRST.includes(order) ? !descending : descending,
    term: textOf(visit.query.q),
    ...SHOWN[visit.query.show ?? ''],
  }
}

export const rooms: PageHandler<RoomsPageDeps> = async (visit, { adminRoomList }) => {
  const { frameOf, roomsPage } = await loadAdminPages()
  const offset = offsetOf(visit)
  const { rooms: rows, total } = await adminRoomList.page({ ...questionOf(visit), offset, limit: PAGE_ROWS })
  return roomsPage(frameOf(visit), { state: stateOf(visit), rows, total, next: nextOffset(offset, rows.length, total) })
}

export const roomsCsv: PageHandler<RoomsPageDeps> = async (visit, { adminRoomList }) => {
  const question = questionOf(visit)
  return csvReply<Room>(
    'rooms',
    {
      room_id: ({ roomId }) => roomId,
      name: ({ name }) => name,
      address: ({ canonicalAlias }) => canonicalAlias,
      members: ({ joinedCount }) => joinedCount,
      local_members: ({ joinedLocalCount }) => joinedLocalCount,
      version: ({ version }) => version,
      creator: ({ creator }) => creator,
      encryption: ({ encryption }) => encryption,
      federatable: ({ federatable }) => federatable,
      in_directory: ({ published }) => published,
      join_rules: ({ joinRules }) => joinRules,
      type: ({ roomType }) => roomType,
      state_entries: ({ stateEvents }) => stateEvents,
    },
    pagesOf(async (offset, limit) => (await adminRoomList.page({ ...question, offset, limit })).rooms),
  )
}

/** Throws `M_INVALID_PARAM` for a text that is no room id. */
export const roomIdOf = ({ params }: Visit): RoomId => {
  const roomId = parseRoomId(params.roomId ?? '')
  if (roomId === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no room id')
  return roomId
}

/** Right before all texts that begin so. */
const before = (beginning: string): string => {
  const last = beginning.at(-1)
  return last === undefined
    ? ''
    : `${beginning.slice(0, -1)}${String.fromCharCode(Math.max(1, last.charCodeAt(0) - 1))}\u{10ffff}`
}

type Joined = Awaited<ReturnType<RoomTables['joined']>>[number]

const joinedPage = async (visit: Visit, { roomTables }: RoomsPageDeps, after: string | undefined, limit: number) => {
  const beginning = textOf(visit.query.q) ?? ''
  const page = await roomTables.joined(roomIdOf(visit), after ?? before(beginning), limit)
  return page.filter(({ userId }) => userId.startsWith(beginning))
}

export const roomMembers: PageHandler<RoomsPageDeps> = async (visit, deps) => {
  const { frameOf, roomMembersPage } = await loadAdminPages()
  const roomId = roomIdOf(visit)
  const rows = await joinedPage(visit, deps, textOf(visit.query.from), PAGE_ROWS)
  return roomMembersPage(frameOf(visit), {
    ...{ roomId, rows },
    state: stateOf(visit, at(ROOMS, roomId, 'members')),
    next: rows.length < PAGE_ROWS ? undefined : rows.at(-1)?.userId,
  })
}

/** Reads a list from the last row of the page before, until a page is not full. */
async function* pagesAfter<Row>(
  limit: number,
  read: (last: Row | undefined, limit: number) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[], void, undefined> {
  let last: Row | undefined
  for (;;) {
    const page = await read(last, limit)
    yield page
    last = page.at(-1)
    if (page.length < limit) return
  }
}

export const roomMembersCsv: PageHandler<RoomsPageDeps> = async (visit, deps) =>
  csvReply<Joined>(
    'members',
    { user_id: ({ userId }) => userId, name: ({ displayName }) => displayName },
    pagesAfter<Joined>(EXPORT_ROWS, (last, limit) => joinedPage(visit, deps, last?.userId, limit)),
  )

type Entry = Awaited<ReturnType<RoomTables['state']>>[number]

/** The place of an entry in an address: its type and state key, apart by a character that neither of them has in one. */
const placeOf = ({ type, stateKey }: Pick<Entry, 'type' | 'stateKey'>): string => JSON.stringify([type, stateKey])

const placeIn = (text: string | undefined): Pick<Entry, 'type' | 'stateKey'> | undefined => {
  if (text === undefined) return undefined
  try {
    const place: unknown = JSON.parse(text)
    if (Array.isArray(place) && typeof place[0] === 'string' && typeof place[1] === 'string')
      return { type: place[0], stateKey: place[1] }
  } catch {
    // Answered below, as any other address that is none.
  }
  throw new MatrixError('M_INVALID_PARAM', 'The address of this page is not right')
}

/** An entry may have 64 KiB. */
const STATE_ROWS = 25
const SHOWN_LENGTH = 2_000

const shortened = (text: string): string => (text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)} …` : text)

const statePage = async (
  visit: Visit,
  { roomTables }: RoomsPageDeps,
  after: Pick<Entry, 'type' | 'stateKey'> | undefined,
  limit: number,
) => {
  const beginning = textOf(visit.query.q) ?? ''
  const page = await roomTables.state(roomIdOf(visit), after ?? { type: before(beginning), stateKey: '' }, limit)
  return page.filter(({ type }) => type.startsWith(beginning))
}

export const roomState: PageHandler<RoomsPageDeps> = async (visit, deps) => {
  const { frameOf, roomStatePage } = await loadAdminPages()
  const roomId = roomIdOf(visit)
  const rows = await statePage(visit, deps, placeIn(textOf(visit.query.from)), STATE_ROWS)
  const last = rows.at(-1)
  return roomStatePage(frameOf(visit), {
    roomId,
    rows: rows.map((row) => ({ ...row, content: shortened(JSON.stringify(row.content)) })),
    state: stateOf(visit, at(ROOMS, roomId, 'state')),
    next: rows.length < STATE_ROWS || last === undefined ? undefined : placeOf(last),
  })
}

export const roomStateCsv: PageHandler<RoomsPageDeps> = async (visit, deps) =>
  csvReply<Entry>(
    'state',
    {
      type: ({ type }) => type,
      state_key: ({ stateKey }) => stateKey,
      event_id: ({ eventId }) => eventId,
      sender: ({ sender }) => sender,
      sent: ({ sentAtMs }) => isoOf(sentAtMs),
      content: ({ content }) => JSON.stringify(content),
    },
    pagesAfter<Entry>(STATE_ROWS, (last, limit) => statePage(visit, deps, last, limit)),
  )

type Change = Awaited<ReturnType<RoomTables['changedByResolution']>>[number]

export const roomChanges: PageHandler<RoomsPageDeps> = async (visit, { roomTables }) => {
  const { frameOf, roomChangesPage } = await loadAdminPages()
  const roomId = roomIdOf(visit)
  const rows = await roomTables.changedByResolution(roomId)
  return roomChangesPage(frameOf(visit), {
    ...{ roomId, rows },
    state: stateOf(visit, at(ROOMS, roomId, 'changes')),
    next: undefined,
  })
}

export const roomChangesCsv: PageHandler<RoomsPageDeps> = async (visit, { roomTables }) => {
  const rows = await roomTables.changedByResolution(roomIdOf(visit))
  return csvReply<Change>(
    'changes-by-resolution',
    {
      position: ({ position }) => position,
      type: ({ type }) => type,
      state_key: ({ stateKey }) => stateKey,
      before: ({ before: eventId }) => eventId,
      after: ({ after }) => after,
    },
    (async function* () {
      yield rows
    })(),
  )
}
