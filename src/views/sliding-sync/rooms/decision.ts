import type { RoomNumber } from '#store'
import { type Positions, STREAM_DECLARATIONS, STREAMS } from '#streams'
import type { KnownRoom } from '../connection/packed-rooms.ts'
import type { RoomMemory } from '../connection/room-memory.ts'
import type { RoomList } from '../lists/room-list.ts'
import type { UserLists } from '../lists/user-lists.ts'
import type { WantedState } from '../request.ts'
import { type CombinedConfig, isCovered, type RoomConfigs } from './room-configs.ts'
import type { Scope } from './scope.ts'

export interface DecisionParts {
  readonly lists: UserLists
  readonly scope: Scope
  readonly configs: RoomConfigs
  /** Changed to what the client knows after the answer. */
  readonly memory: RoomMemory
  /** Of the client's position; undefined at the beginning. */
  readonly since: Positions | undefined
  /** Whether the request has the same lists and subscriptions as the one before. */
  readonly isSame: boolean
  /** Rooms in which the user's own receipts moved since: their counts are told again. */
  readonly recounted: ReadonlySet<RoomNumber>
}

/** A room that may have news for the client. */
export interface DecidedRoom {
  readonly room: RoomNumber
  readonly config: CombinedConfig
  readonly from: number | undefined
  readonly moreTimeline: boolean
  readonly before: readonly WantedState[] | 'unknown' | undefined
  readonly isDirect: boolean | undefined
  readonly direct: boolean
  readonly isRecounted: boolean
}

export interface Decision {
  readonly told: readonly DecidedRoom[]
  /** See `RoomScope.entered`. */
  readonly entered: ReadonlyMap<RoomNumber, Positions | undefined>
  /** Rooms that the client has and that are in no list any more: the user left or forgot them. */
  readonly gone: readonly (readonly [RoomNumber, KnownRoom])[]
}

/**
 * Decides which rooms an answer may have to tell. Where the request is the same as before and the lists changed only by rooms that moved to their tops, these rooms are looked at, and as
 * many behind the ranges, which they pushed out. Otherwise all rooms in the ranges are, and all that the connection knows. Yields where the event loop is to serve others.
 */
export function* decide(parts: DecisionParts): Generator<undefined, Decision, undefined> {
  const { since, isSame, scope, lists } = parts
  const touched = new Set<RoomNumber>()
  const pushedOut: RoomNumber[] = []
  const gone: (readonly [RoomNumber, KnownRoom])[] = []
  if (since !== undefined && isSame && isCalm(parts, since)) {
    for (const rule of scope.rules) lookAtTop(parts, since, rule.list, rule.ranges[0]?.[1] ?? -1, touched, pushedOut)
    for (const room of scope.subscribed.keys()) if (lists.position(room) > since.events) touched.add(room)
  } else {
    for (const room of scope.all()) {
      touched.add(room)
      if (touched.size % ROOMS_A_SLICE === 0) yield
    }
    let count = 0
    for (const [room, known] of parts.memory.rooms()) {
      if (++count % sliceOf(scope) === 0) yield
      if (scope.has(room)) continue
      if (!lists.isListed(room)) gone.push([room, known])
      else if (known.until === undefined) pushedOut.push(room)
    }
  }
  for (const room of parts.recounted) if (scope.has(room)) touched.add(room)
  for (const room of changedDirects(parts)) if (scope.has(room)) touched.add(room)
  for (const room of pushedOut) putOut(parts, since, room)
  for (const [room] of gone) parts.memory.set(room, undefined)
  return { ...(yield* decideRooms(parts, touched)), gone }
}

const ROOMS_A_SLICE = 2_000

/** Each room is looked for in each list. */
const sliceOf = ({ rules }: Scope): number => Math.max(10, Math.floor(ROOMS_A_SLICE / (rules.length + 1)))

/** Whether looking at the tops of the lists is enough. */
const isCalm = ({ scope, lists }: DecisionParts, since: Positions): boolean =>
  !lists.all.isDisturbedAfter(since) &&
  scope.rules.every(
    ({ list, ranges }) =>
      !list.isDisturbedAfter(since) &&
      ((ranges.length === 1 && ranges[0]?.[0] === 0) || ranges.length === 0 || !hasMoved(list, since)),
  )

const hasMoved = ({ order }: RoomList, { events }: Positions): boolean => {
  const top = order.at(0)
  return top !== undefined && (order.position(top) ?? 0) > events
}

/** Collects the rooms at the top of a list that have news, and those that they pushed out of its range. */
const lookAtTop = (
  { memory, scope }: DecisionParts,
  { events }: Positions,
  { order }: RoomList,
  last: number,
  touched: Set<RoomNumber>,
  pushedOut: RoomNumber[],
): void => {
  let entered = 0
  let index = 0
  for (; index < order.size; index++) {
    const room = order.at(index)
    if (room === undefined || (order.position(room) ?? 0) <= events) break
    if (index > last) continue
    touched.add(room)
    if (memory.get(room)?.until !== undefined || memory.get(room) === undefined) entered++
  }
  const end = Math.min(order.size - 1, Math.max(last, index - 1) + entered)
  for (let behind = last + 1; behind <= end; behind++) {
    const room = order.at(behind)
    const known = room === undefined ? undefined : memory.get(room)
    if (room !== undefined && known !== undefined && known.until === undefined && !scope.has(room)) pushedOut.push(room)
  }
}

/** The client knows the room as of its position, as the room was in scope until then. */
const putOut = ({ memory }: DecisionParts, since: Positions | undefined, room: RoomNumber): void => {
  const known = memory.get(room)
  if (known !== undefined && since !== undefined) memory.set(room, { ...known, until: durable(since) })
}

/** Streams in memory have no past: whoever comes back to a room is told of them as they are. */
const durable = (positions: Positions): Positions =>
  Object.fromEntries(
    STREAMS.map((stream) => [stream, STREAM_DECLARATIONS[stream].kept === 'memory' ? 0 : positions[stream]]),
  ) as Positions

const changedDirects = ({ lists, since, memory }: DecisionParts): ReadonlySet<RoomNumber> => {
  const rooms = new Set<RoomNumber>()
  if (since === undefined) return rooms
  const changed = lists.directsChangedAfter(since.accountData)
  if (changed === undefined) for (const [room] of memory.rooms()) rooms.add(room)
  for (const roomId of changed ?? []) {
    const room = lists.roomById(roomId)
    if (room !== undefined && memory.get(room.room) !== undefined) rooms.add(room.room)
  }
  return rooms
}

function* decideRooms(
  { lists, scope, configs, memory, since, recounted }: DecisionParts,
  touched: ReadonlySet<RoomNumber>,
): Generator<undefined, Pick<Decision, 'told' | 'entered'>, undefined> {
  const told: DecidedRoom[] = []
  const entered = new Map<RoomNumber, Positions | undefined>()
  let count = 0
  for (const room of touched) {
    if (++count % sliceOf(scope) === 0) yield
    const config = scope.config(room)
    if (config === undefined) continue
    const known = since === undefined ? undefined : memory.get(room)
    if (known === undefined || known.until !== undefined) entered.set(room, known?.until)
    const from = known === undefined ? undefined : (known.until ?? since)?.events
    const moreTimeline = known !== undefined && config.timelineLimit > known.timelineLimit
    const before = known === undefined ? undefined : grownFrom(configs, known, config)
    const isDirect = directOf(lists, room, known, since)
    const direct = lists.isDirect(lists.room(room)?.roomId ?? '')
    const hasNews = from === undefined || lists.position(room) > from || moreTimeline || before !== undefined
    const timelineLimit =
      known === undefined ? config.timelineLimit : Math.max(known.timelineLimit, config.timelineLimit)
    memory.set(room, { until: undefined, timelineLimit, state: config.state })
    const isRecounted = recounted.has(room)
    if (hasNews || isRecounted || isDirect !== undefined)
      told.push({ room, config, from, moreTimeline, before, isDirect, direct, isRecounted })
  }
  return { told, entered }
}

/** `is_dm`, where the client does not know it. */
const directOf = (
  lists: UserLists,
  room: RoomNumber,
  known: KnownRoom | undefined,
  since: Positions | undefined,
): boolean | undefined => {
  const roomId = lists.room(room)?.roomId ?? ''
  const isDirect = lists.isDirect(roomId)
  if (known === undefined) return isDirect || undefined
  return lists.mayDirectHaveChanged(roomId, (known.until ?? since)?.accountData ?? 0) ? isDirect : undefined
}

/** The state that was asked for before, where more may be asked for now. */
const grownFrom = (configs: RoomConfigs, known: KnownRoom, config: CombinedConfig): DecidedRoom['before'] => {
  if (known.state === config.state) return undefined
  const before = configs.required(known.state)
  if (before === undefined) return 'unknown'
  return isCovered(config.required, before) ? undefined : before
}
