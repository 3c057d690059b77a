import { Ajv, type ValidateFunction } from 'ajv'
import Type from 'typebox'
import { type EventFilter, type Filter, isJsonObject, MAX_FILTER_BYTES, type RoomEventFilter } from '#spec'

// The specification sets no limits; these keep what a filter costs at each event small.
const MAX_LIST = 1_000
const MAX_FIELD_PATHS = 500
const MAX_ENTRY_LENGTH = 255

const list = (pattern?: string) =>
  Type.Optional(
    Type.Array(Type.String({ maxLength: MAX_ENTRY_LENGTH, ...(pattern === undefined ? {} : { pattern }) }), {
      maxItems: MAX_LIST,
    }),
  )
const flag = () => Type.Optional(Type.Boolean())

const eventFilter = {
  // "Greater than 0", but clients that want no timeline send 0.
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  senders: list('^@'),
  not_senders: list('^@'),
  types: list(),
  not_types: list(),
}

/** Members the specification does not name are let through: extensions put theirs there. */
const EventFilterSchema = Type.Object(eventFilter)

const RoomEventFilterSchema = Type.Object({
  ...eventFilter,
  rooms: list('^!'),
  not_rooms: list('^!'),
  contains_url: flag(),
  lazy_load_members: flag(),
  include_redundant_members: flag(),
  unread_thread_notifications: flag(),
  related_by_senders: list('^@'),
  related_by_rel_types: list(),
  rel_types: list(),
  not_rel_types: list(),
  'org.matrix.msc3874.rel_types': list(),
  'org.matrix.msc3874.not_rel_types': list(),
})

const FilterSchema = Type.Object({
  event_fields: Type.Optional(Type.Array(Type.String({ maxLength: MAX_ENTRY_LENGTH }), { maxItems: MAX_FIELD_PATHS })),
  event_format: Type.Optional(Type.Union([Type.Literal('client'), Type.Literal('federation')])),
  presence: Type.Optional(EventFilterSchema),
  account_data: Type.Optional(EventFilterSchema),
  'org.matrix.msc4429.profile_fields': Type.Optional(Type.Object({ ids: list() })),
  room: Type.Optional(
    Type.Object({
      rooms: list('^!'),
      not_rooms: list('^!'),
      include_leave: flag(),
      ephemeral: Type.Optional(RoomEventFilterSchema),
      state: Type.Optional(RoomEventFilterSchema),
      timeline: Type.Optional(RoomEventFilterSchema),
      account_data: Type.Optional(RoomEventFilterSchema),
    }),
  ),
})

/** Compiled at first use: most requests bring no filter. */
const lazily = (schema: object): ((value: unknown) => boolean) => {
  let fits: ValidateFunction | undefined
  return (value) => {
    fits ??= new Ajv({ strict: false }).compile(schema)
    return fits(value)
  }
}

const isFilter = lazily(FilterSchema)
const isRoomEventFilter = lazily(RoomEventFilterSchema)

const parseText = (text: string): unknown => {
  if (text.length > MAX_FILTER_BYTES) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Patterns with `*` in one list, and asterisks in all of them: each event of a page is held against each. */
const MAX_PATTERNS = 100
const MAX_ASTERISKS = 500

const isCheap = (list: readonly string[] = []): boolean => {
  const patterns = list.filter((entry) => entry.includes('*'))
  return patterns.length <= MAX_PATTERNS && patterns.join('').split('*').length - 1 <= MAX_ASTERISKS
}

const hasCheapTypes = (part: EventFilter | undefined): boolean => isCheap(part?.types) && isCheap(part?.not_types)

const partsOf = ({ presence, account_data: accountData, room }: Filter): readonly (EventFilter | undefined)[] => [
  ...[presence, accountData, room?.timeline, room?.state, room?.ephemeral, room?.account_data],
]

/** Returns the value as a filter; undefined where it is none, or has more patterns than a client could need. */
export const asFilter = (value: unknown): Filter | undefined => {
  const filter = isJsonObject(value) && isFilter(value) ? (value as Filter) : undefined
  return filter !== undefined && partsOf(filter).every(hasCheapTypes) ? filter : undefined
}

/** The `filter` query parameter of `/sync` when it holds JSON. */
export const parseFilter = (text: string): Filter | undefined => asFilter(parseText(text))

/** The `filter` query parameter of `/messages` and `/context`. */
export const parseRoomEventFilter = (text: string): RoomEventFilter | undefined => {
  const value = parseText(text)
  const filter = isJsonObject(value) && isRoomEventFilter(value) ? (value as RoomEventFilter) : undefined
  return hasCheapTypes(filter) ? filter : undefined
}
