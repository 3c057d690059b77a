import type { JsonObject } from '#spec'
import {
  ROOM_ORDERS,
  type RoomOrder,
  type RoomOverview,
  type RoomOverviewsQuery,
  type RoomOverviewsReader,
} from '#store'

export const ROOM_LIST_ORDERS: readonly RoomOrder[] = ROOM_ORDERS

/** Orders whose first page has the largest values. */
const LARGEST_FIRST: ReadonlySet<RoomOrder> = new Set([
  'joined_members',
  'joined_local_members',
  'version',
  'state_events',
])

export interface RoomListQuery extends Omit<RoomOverviewsQuery, 'direction'> {
  /** Against the natural order, which is from the largest for numbers and from the first for texts. */
  readonly reversed: boolean
}

export interface RoomList {
  readonly rooms: readonly RoomOverview[]
  readonly total: number
}

/** The rooms that this server is or was in, as lists for administrators show them. */
export class AdminRoomList {
  readonly #reader: Pick<RoomOverviewsReader, 'page'>

  constructor(reader: Pick<RoomOverviewsReader, 'page'>) {
    this.#reader = reader
  }

  page({ reversed, ...query }: RoomListQuery): Promise<RoomList> {
    const isDescending = LARGEST_FIRST.has(query.order) !== reversed
    return this.#reader.page({ ...query, direction: isDescending ? 'descending' : 'ascending' })
  }
}

const orNull = (text: string): string | null => (text === '' ? null : text)

/** A room in the form of Synapse's list. */
export const overviewJson = (room: RoomOverview): JsonObject => ({
  room_id: room.roomId,
  name: orNull(room.name),
  canonical_alias: orNull(room.canonicalAlias),
  joined_members: room.joinedCount,
  joined_local_members: room.joinedLocalCount,
  version: room.version,
  creator: orNull(room.creator),
  encryption: orNull(room.encryption),
  federatable: room.federatable,
  public: room.published,
  join_rules: orNull(room.joinRules),
  guest_access: orNull(room.guestAccess),
  history_visibility: orNull(room.historyVisibility),
  state_events: room.stateEvents,
  room_type: orNull(room.roomType),
})
