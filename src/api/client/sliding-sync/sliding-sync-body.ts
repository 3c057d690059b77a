import Type from 'typebox'
import { MatrixError, parseRoomId, type RoomId } from '#spec'
import type { Range, RoomConfig, RoomFilters, SlidingWish } from '#views'
import { AnyObject } from '../authentication/auth-schemas.ts'

export const MAX_LISTS = 100
const MAX_SUBSCRIPTIONS = 100
/** More entries of one `required_state` than any client sends. */
const MAX_STATE_ENTRIES = 200
const MAX_NAMES = 100

/** A member that a client may leave out or set to null. */
export const Maybe = <S extends Type.TSchema>(schema: S) => Type.Optional(Type.Union([schema, Type.Null()]))

const Name = Type.String({ maxLength: 255 })
const Names = Type.Array(Name, { maxItems: MAX_NAMES })
const RoomTypes = Type.Array(Type.Union([Name, Type.Null()]), { maxItems: MAX_NAMES })

const Index = Type.Integer({ minimum: 0 })
export const Limit = Type.Integer({ minimum: 0 })
export const TwoIndexes = Type.Array(Index, { minItems: 2, maxItems: 2 })
export const StateEntries = <S extends Type.TSchema>(entry: S) => Type.Array(entry, { maxItems: MAX_STATE_ENTRIES })
export const Presence = Type.Enum(['online', 'unavailable', 'offline'])

/** The filters that both wire forms have. */
export const filterSchemas = {
  is_dm: Maybe(Type.Boolean()),
  is_encrypted: Maybe(Type.Boolean()),
  room_types: Maybe(RoomTypes),
  not_room_types: Maybe(RoomTypes),
  tags: Maybe(Names),
  not_tags: Maybe(Names),
  spaces: Maybe(Names),
}

type Nullable<Value> = Value | null | undefined

interface FiltersOfBody {
  readonly is_dm?: Nullable<boolean>
  readonly is_encrypted?: Nullable<boolean>
  readonly room_types?: Nullable<readonly (string | null)[]>
  readonly not_room_types?: Nullable<readonly (string | null)[]>
  readonly tags?: Nullable<readonly string[]>
  readonly not_tags?: Nullable<readonly string[]>
  readonly spaces?: Nullable<readonly string[]>
}

/** `isInvited` has another name in each form. */
export const filtersOf = (body: Nullable<FiltersOfBody>, isInvited: Nullable<boolean>): RoomFilters => ({
  isDm: body?.is_dm ?? undefined,
  isEncrypted: body?.is_encrypted ?? undefined,
  isInvited: isInvited ?? undefined,
  roomTypes: body?.room_types ?? undefined,
  notRoomTypes: body?.not_room_types ?? undefined,
  tags: body?.tags ?? undefined,
  notTags: body?.not_tags ?? undefined,
  spaces: body?.spaces ?? undefined,
})

/** Of a list that names no range. */
export const ALL_ROOMS: readonly Range[] = [[0, Number.MAX_SAFE_INTEGER]]

/** The members of a body that both wire forms have, with lists and subscriptions of these shapes. */
export const connectionSchemas = <List extends Type.TSchema, Subscription extends Type.TSchema>(
  list: List,
  subscription: Subscription,
) => ({
  conn_id: Maybe(Name),
  lists: Maybe(Type.Record(Name, list)),
  room_subscriptions: Maybe(Type.Record(Name, subscription)),
  extensions: Maybe(AnyObject),
})

/** Reads a body that several requests share once for all of them. Nobody changes what was read. */
export const readOnce = <Body extends object>(read: (body: Body) => SlidingWish): ((body: Body) => SlidingWish) => {
  const wishes = new WeakMap<Body, SlidingWish>()
  return (body) => {
    const known = wishes.get(body)
    if (known !== undefined) return known
    const made = read(body)
    wishes.set(body, made)
    return made
  }
}

/** Throws `M_INVALID_PARAM` where the last index lies before the first. */
export const rangeOf = ([first = 0, last = 0]: readonly number[]): Range => {
  if (last < first) throw new MatrixError('M_INVALID_PARAM', 'a range ends before it begins')
  return [first, last]
}

/** Members of an object, each read by `read`. Throws `M_INVALID_PARAM` for more than `most`. */
export const entriesOf = <Value, Read>(
  members: Readonly<Record<string, Value>> | null | undefined,
  most: number,
  read: (value: Value) => Read,
): ReadonlyMap<string, Read> => {
  const entries = Object.entries(members ?? {})
  if (entries.length > most) throw new MatrixError('M_INVALID_PARAM', `More than ${most} lists or subscriptions`)
  return new Map(entries.map(([name, value]) => [name, read(value)]))
}

/** The same by room. Throws `M_INVALID_PARAM` for what is no room id. */
export const subscriptionsOf = <Value>(
  members: Readonly<Record<string, Value>> | null | undefined,
  read: (value: Value) => RoomConfig,
): ReadonlyMap<RoomId, RoomConfig> => {
  const byRoom = entriesOf(members, MAX_SUBSCRIPTIONS, read)
  for (const id of byRoom.keys())
    if (parseRoomId(id) === undefined) throw new MatrixError('M_INVALID_PARAM', 'room_subscriptions names no room id')
  return byRoom as ReadonlyMap<RoomId, RoomConfig>
}
