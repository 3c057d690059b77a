import Type from 'typebox'
import type { PublicRooms } from '#views'

const SearchTerm = Type.String({ maxLength: 1_000 })
const RoomType = Type.Union([Type.String(), Type.Null()])
/** Clients that keep the last token in a variable send null at first. */
const orNull = <Schema extends Type.TSchema>(schema: Schema) => Type.Optional(Type.Union([schema, Type.Null()]))

/** The body of `POST /publicRooms`, of clients and of other servers. */
export const publicRoomsSearch = Type.Object({
  limit: orNull(Type.Integer({ minimum: 0 })),
  since: orNull(Type.String()),
  filter: orNull(
    Type.Object({
      generic_search_term: orNull(SearchTerm),
      room_types: orNull(Type.Array(RoomType, { maxItems: 100 })),
    }),
  ),
  include_all_networks: Type.Optional(Type.Boolean()),
  third_party_instance_id: orNull(Type.String()),
})

export type PublicRoomsSearch = Type.Static<typeof publicRoomsSearch>

/** The page that is asked for. A limit of 0 and an empty token count as none. */
export const searchedRooms = ({
  limit,
  since,
  filter,
}: Pick<PublicRoomsSearch, 'limit' | 'since' | 'filter'>): Parameters<PublicRooms['list']>[0] => ({
  limit: limit || undefined,
  since: since || undefined,
  searchTerm: filter?.generic_search_term ?? undefined,
  roomTypes: filter?.room_types ?? undefined,
})
