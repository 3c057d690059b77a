import { jsonBytes } from '#base'
import type { EventFilter, Filter, JsonObject, JsonValue, RoomEventFilter, UserId } from '#spec'
import { isJsonObject, relationIn } from '#spec'
import { type ProfileFields, profileFieldsOf } from './profile-fields.ts'
import { splitPropertyPath } from './push-rules/index.ts'

/** The parts of an event that a filter looks at. Ephemeral events have no sender. */
export interface Filterable {
  readonly type: string
  readonly sender?: string
  readonly content: JsonObject
}

/** One part of a filter, made ready: each question is a few look-ups (client-server API, "Filtering"). */
export interface EventMatcher {
  /** The requested limit; undefined: the default. */
  readonly limit: number | undefined
  /** Nothing can pass: the section may be left out without reading anything. */
  readonly nothing: boolean
  /** Lists for a query, if they have no wildcards; results must still be checked with the matcher. */
  readonly exactTypes: readonly string[] | undefined
  readonly exactNotTypes: readonly string[] | undefined
  readonly lazyLoadMembers: boolean
  readonly includeRedundantMembers: boolean
  readonly unreadThreadNotifications: boolean
  type(type: string): boolean
  sender(sender: string): boolean
  room(roomId: string): boolean
  /** Only events to which others relate that are of one of the types and by one of the senders; whoever reads pages asks the store. */
  readonly relatedBy: RelatedByFilter | undefined
  /** Type, sender, `contains_url` and the type of the event's own relation; rooms are asked once, by `room`. */
  event(event: Filterable): boolean
}

/** Of any type, or by anybody, where there is no list. */
export interface RelatedByFilter {
  readonly relTypes: readonly string[] | undefined
  readonly senders: readonly UserId[] | undefined
}

export interface CompiledFilter {
  /** Bytes in memory, for whoever keeps it. */
  readonly heapBytes: number
  readonly includeLeave: boolean
  readonly format: 'client' | 'federation'
  /** Reduces a client event to `event_fields`; undefined: all fields are wanted. */
  readonly fields: ((event: JsonObject) => JsonObject) | undefined
  readonly presence: EventMatcher
  readonly accountData: EventMatcher
  readonly timeline: EventMatcher
  readonly state: EventMatcher
  readonly ephemeral: EventMatcher
  readonly roomAccountData: EventMatcher
  /** undefined: none is asked for. */
  readonly profileFields: ProfileFields | undefined
  /** The lists of `room` itself, which go before those of its parts. */
  room(roomId: string): boolean
}

type Test = (text: string) => boolean

/** `*` stands for any sequence of characters. Without backtracking: each piece is looked for after the one before it. */
const glob = (pattern: string): Test => {
  const pieces = pattern.split('*')
  const first = pieces.shift() ?? ''
  const last = pieces.pop() ?? ''
  const middle = pieces.filter((piece) => piece !== '')
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
    let from = first.length
    const end = text.length - last.length
    for (const piece of middle) {
      const at = text.indexOf(piece, from)
      if (at === -1 || at + piece.length > end) return false
      from = at + piece.length
    }
    return true
  }
}

const anyOf = (patterns: readonly string[]): Test => {
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')))
  const globs = [...new Set(patterns.filter((pattern) => pattern.includes('*')))].map(glob)
  if (globs.length === 0) return (text) => exact.has(text)
  return remembering((text) => exact.has(text) || globs.some((matches) => matches(text)))
}

/** Answers that are remembered, and the longest text of one: most events of a page have the same few types. */
const REMEMBERED = 32
const REMEMBERED_LENGTH = 100

const remembering = (test: Test): Test => {
  const known = new Map<string, boolean>()
  return (text) => {
    const answer = known.get(text)
    if (answer !== undefined) return answer
    const found = test(text)
    if (text.length > REMEMBERED_LENGTH) return found
    if (known.size >= REMEMBERED) known.clear()
    known.set(text, found)
    return found
  }
}

const oneOf = (names: readonly string[]): Test => {
  const set = new Set(names)
  return (name) => set.has(name)
}

/** Whether a value is in `yes`, where there is such a list, and not in `no`, which wins. */
const allows = (yes: readonly string[] | undefined, no: readonly string[] | undefined, listed = oneOf): Test => {
  const wanted = yes === undefined ? undefined : listed(yes)
  const unwanted = no === undefined || no.length === 0 ? undefined : listed(no)
  return (text) => (wanted === undefined || wanted(text)) && (unwanted === undefined || !unwanted(text))
}

const exactly = (types: readonly string[] | undefined): readonly string[] | undefined =>
  types?.some((type) => type.includes('*')) === false ? types : undefined

const isEmpty = (names: readonly string[] | undefined): boolean => names?.length === 0

export const compileEventFilter = (filter: EventFilter & RoomEventFilter = {}): EventMatcher => {
  const type = allows(filter.types, filter.not_types, anyOf)
  const sender = allows(filter.senders, filter.not_senders)
  const room = allows(filter.rooms, filter.not_rooms)
  const url = filter.contains_url
  const relation = relationTest(filter)
  return {
    limit: filter.limit,
    nothing: isEmpty(filter.types) || isEmpty(filter.senders) || isEmpty(filter.rooms) || filter.limit === 0,
    exactTypes: exactly(filter.types),
    exactNotTypes: exactly(filter.not_types),
    lazyLoadMembers: filter.lazy_load_members ?? false,
    includeRedundantMembers: filter.include_redundant_members ?? false,
    unreadThreadNotifications: filter.unread_thread_notifications ?? false,
    relatedBy: relatedByOf(filter),
    type,
    sender,
    room,
    event: (event) =>
      type(event.type) &&
      (event.sender === undefined ? filter.senders === undefined : sender(event.sender)) &&
      (url === undefined || Object.hasOwn(event.content, 'url') === url) &&
      (relation === undefined || relation(event.content)),
  }
}

/** The type of the event's own relation (MSC3874); `''` for none. undefined: the filter does not ask. */
const relationTest = (filter: RoomEventFilter): ((content: JsonObject) => boolean) | undefined => {
  const wanted = filter.rel_types ?? filter['org.matrix.msc3874.rel_types']
  const unwanted = filter.not_rel_types ?? filter['org.matrix.msc3874.not_rel_types']
  if (wanted === undefined && unwanted === undefined) return undefined
  const passes = allows(wanted, unwanted)
  return (content) => passes(relationIn(content)?.relType ?? '')
}

const relatedByOf = (filter: RoomEventFilter): RelatedByFilter | undefined => {
  const { related_by_rel_types: relTypes, related_by_senders: senders } = filter
  if (relTypes === undefined && senders === undefined) return undefined
  // No stored relation has U+0000 in it, and no database takes it.
  const storable = (list: readonly string[] | undefined) => list?.filter((text) => !text.includes('\0'))
  return { relTypes: storable(relTypes), senders: storable(senders) as readonly UserId[] | undefined }
}

export const compileFilter = (filter: Filter): CompiledFilter => ({
  heapBytes: heapBytesOf(filter),
  includeLeave: filter.room?.include_leave ?? false,
  format: filter.event_format ?? 'client',
  fields: filter.event_fields === undefined ? undefined : selectFields(filter.event_fields),
  presence: compileEventFilter(filter.presence),
  accountData: compileEventFilter(filter.account_data),
  timeline: compileEventFilter(filter.room?.timeline),
  state: compileEventFilter(filter.room?.state),
  ephemeral: compileEventFilter(filter.room?.ephemeral),
  profileFields: profileFieldsOf(filter['org.matrix.msc4429.profile_fields']?.ids ?? []),
  roomAccountData: compileEventFilter(filter.room?.account_data),
  room: allows(filter.room?.rooms, filter.room?.not_rooms),
})

/** With the answers that lists of patterns remember. */
const MATCHERS_BYTES = 6_000
const REMEMBERED_BYTES = 8_000
/** An entry's places in a list and in a set, or its function. */
const ENTRY_BYTES = 150
/** A piece of a pattern between asterisks. */
const PIECE_BYTES = 64
/** A step of a path: a map of its own. */
const STEP_BYTES = 250

const heapBytesOf = (filter: Filter): number => {
  const { event_fields: paths = [], presence, account_data: accountData, room } = filter
  const fields = filter['org.matrix.msc4429.profile_fields']
  const sections = [
    presence,
    accountData,
    fields,
    room,
    room?.timeline,
    room?.state,
    room?.ephemeral,
    room?.account_data,
  ]
  const entries = sections.flatMap((section) =>
    Object.values(section ?? {})
      .filter(Array.isArray)
      .flat(),
  )
  return (
    MATCHERS_BYTES +
    jsonBytes(filter) +
    sections.filter((section) => JSON.stringify(section ?? {}).includes('*')).length * REMEMBERED_BYTES +
    entries.reduce((bytes: number, entry) => bytes + ENTRY_BYTES + countOf(`${entry}`, '*') * PIECE_BYTES, 0) +
    paths.reduce((bytes, path) => bytes + (1 + countOf(path, '.')) * STEP_BYTES, 0)
  )
}

const countOf = (text: string, sign: string): number => text.split(sign).length - 1

/** The wanted members of an object: a member as a whole, or some of its own members. */
type Selection = Map<string, Selection | 'all'>

const select = (object: JsonObject, selection: Selection): JsonObject => {
  const picked: [string, JsonValue][] = []
  for (const [name, inner] of selection) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined
    if (value === undefined) continue
    if (inner === 'all') picked.push([name, value])
    else if (isJsonObject(value)) {
      const part = select(value, inner)
      if (Object.keys(part).length > 0) picked.push([name, part])
    }
  }
  return Object.fromEntries(picked)
}

/** `event_fields`: paths as `content.body`, where a literal dot is escaped. */
export const selectFields = (paths: readonly string[]): ((event: JsonObject) => JsonObject) => {
  const root: Selection = new Map()
  for (const path of paths) {
    const names = splitPropertyPath(path)
    const last = names.at(-1) ?? ''
    let here: Selection | undefined = root
    for (const name of names.slice(0, -1)) {
      const inner: Selection | 'all' = here.get(name) ?? new Map()
      if (inner === 'all') {
        here = undefined
        break
      }
      here.set(name, inner)
      here = inner
    }
    here?.set(last, 'all')
  }
  return (event) => select(event, root)
}
