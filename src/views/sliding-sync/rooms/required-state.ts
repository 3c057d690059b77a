import type { UserId } from '#spec'
import type { RoomNumber, RoomStateReader, StoredEvent } from '#store'
import { stateChangePages, statePages } from '../../known/state-pages.ts'
import type { RequiredState } from '../request.ts'
import { asksFor, type ReaderConfig } from './room-configs.ts'

type Reader = Pick<RoomStateReader, 'state' | 'stateInForce' | 'stateReplaced' | 'stateChangesPage'>

const MEMBER = 'm.room.member'
/** State that every room is told with, whatever is asked for. */
export const HEADING_TYPES = ['m.room.name', 'm.room.avatar'] as const

export interface StateOfRoom {
  /** The state that was asked for. */
  readonly asked: readonly StoredEvent[]
  /** The entries of `HEADING_TYPES`. */
  readonly headings: readonly StoredEvent[]
}

/** Everything in force right after the event at `at` that the config asks for. */
export const wholeState = async (
  reader: Reader,
  room: RoomNumber,
  at: number | 'current',
  config: ReaderConfig,
): Promise<StateOfRoom> => {
  const found = config.required.some(({ include }) => include.some(({ type }) => type === undefined))
    ? await everything(reader, room, at, config)
    : await named(reader, room, at, config.required)
  return splitState(found, config)
}

/** Many kinds of state at once: all of it is looked through, a page at a time, without members that are loaded lazily. */
const everything = async (
  reader: Reader,
  room: RoomNumber,
  at: number | 'current',
  config: ReaderConfig,
): Promise<readonly StoredEvent[]> => {
  const found: StoredEvent[] = []
  const members = !config.lazyMembers
  const isNow = at === 'current'
  const pages = statePages(reader, room, { at: isNow ? Number.MAX_SAFE_INTEGER : at, members, resolved: !isNow })
  for await (const page of pages) found.push(...page.filter((event) => isHeading(event) || isAsked(config, event)))
  if (members) return found
  const keys = keysOf(config.required, MEMBER)
  return keys.length === 0 ? found : [...found, ...(await reader.state(room, { at, types: [MEMBER], stateKeys: keys }))]
}

/** State of types that are named: those with one key each in one question, those with all keys in another. */
const named = async (
  reader: Reader,
  room: RoomNumber,
  at: number | 'current',
  required: readonly RequiredState[],
): Promise<readonly StoredEvent[]> => {
  const patterns = required.flatMap(({ include }) => include)
  const whole = new Set(patterns.flatMap(({ type, stateKey }) => (stateKey === undefined ? (type ?? []) : [])))
  const plain = new Set<string>(HEADING_TYPES)
  const otherKeys = new Map<string, Set<string>>()
  for (const { type, stateKey } of patterns) {
    if (type === undefined || stateKey === undefined || whole.has(type)) continue
    if (stateKey === '') plain.add(type)
    else otherKeys.set(type, (otherKeys.get(type) ?? new Set()).add(stateKey))
  }
  const found = [...(await reader.state(room, { at, types: [...plain], stateKeys: [''] }))]
  if (whole.size > 0) found.push(...(await reader.state(room, { at, types: [...whole] })))
  for (const [type, keys] of otherKeys)
    found.push(...(await reader.state(room, { at, types: [type], stateKeys: [...keys] })))
  return found
}

/** The keys that are named for a type. */
const keysOf = (required: readonly RequiredState[], wanted: string): readonly string[] =>
  required
    .flatMap(({ include }) => include)
    .flatMap(({ type, stateKey }) => (type === wanted && stateKey !== undefined ? [stateKey] : []))

export const splitState = (events: readonly StoredEvent[], config: ReaderConfig): StateOfRoom => ({
  asked: events.filter((event) => isAsked(config, event)),
  headings: events.filter(isHeading),
})

const isAsked = (config: ReaderConfig, { type, stateKey = '' }: StoredEvent): boolean => asksFor(config, type, stateKey)

const isHeading = ({ type, stateKey }: StoredEvent): boolean =>
  stateKey === '' && (HEADING_TYPES as readonly string[]).includes(type)

export interface ChangedState extends StateOfRoom {
  /** Members who changed, where the config loads members lazily. */
  readonly members: readonly StoredEvent[]
  readonly membersChanged: boolean
}

const NOTHING: ChangedState = { asked: [], headings: [], members: [], membersChanged: false }

/** The changes of the state with `after` < position <= `upTo`, as it is at `upTo`. */
export const changedState = async (
  reader: Reader,
  room: RoomNumber,
  { after, upTo }: { readonly after: number; readonly upTo: number },
  config: ReaderConfig,
): Promise<ChangedState> => {
  if (after >= upTo) return NOTHING
  const asked: StoredEvent[] = []
  const headings: StoredEvent[] = []
  const members: StoredEvent[] = []
  let membersChanged = false
  for await (const page of stateChangePages(reader, room, after, upTo)) {
    const split = splitState(page, config)
    asked.push(...split.asked)
    headings.push(...split.headings)
    const changed = page.filter(({ type }) => type === MEMBER)
    membersChanged ||= changed.length > 0
    if (config.lazyMembers) members.push(...changed.filter((event) => !isAsked(config, event)))
  }
  return { asked, headings, members, membersChanged }
}

/** The member events of these users. */
export const membersAmong = async (
  reader: Reader,
  room: RoomNumber,
  at: number | 'current',
  users: readonly UserId[],
): Promise<readonly StoredEvent[]> =>
  users.length === 0 ? [] : reader.state(room, { at, types: [MEMBER], stateKeys: users })
