import { hash } from 'node:crypto'
import type { Result } from '#base'
import { fail, ok } from '#base'
import { type EventId, parseStateTupleKey, type RoomEvent, type RoomVersion, stateTupleKey } from '#spec'
import { authEventTuples, authoriseEvent } from '../auth/index.ts'
import type { Conflict, EventLookup, MissingEvents, StateMap } from './conflict.ts'
import { EventReader } from './event-reader.ts'

/**
 * State resolution of room version 1 ("Room version 1", "State resolution"). Its conflict is narrower than that of later
 * versions: a key that some states lack is none, as long as the others agree. Each pass resolves its keys one by one
 * against the state which the pass before left, so that the order of keys does not matter.
 */
export const resolveV1 = (
  version: RoomVersion,
  conflict: Conflict,
  events: EventLookup,
): Result<StateMap, MissingEvents> => {
  const reader = new EventReader(events)
  const { settled, contested } = contenders(conflict, reader)
  readAhead(version, contested, settled, conflict, reader)
  if (!reader.isComplete) return fail(reader.missingEvents())

  const stateAt = (type: string, stateKey: string): RoomEvent | undefined => {
    const key = stateTupleKey(type, stateKey)
    const eventId = settled.get(key) ?? conflict.unconflicted.get(key)
    return eventId === undefined ? undefined : reader.get(eventId)
  }
  const isAllowed = (event: RoomEvent, before?: RoomEvent): boolean =>
    authoriseEvent(version, event, (type, stateKey) =>
      before?.type === type && before.stateKey === stateKey ? before : stateAt(type, stateKey),
    ).allowed

  for (const pass of PASSES) {
    const winners = new Map<string, EventId>()
    for (const [key, ordered] of contested) {
      if (settled.has(key) || passOf(key) !== pass) continue
      const winner = pass === 'other' ? lastAllowed(ordered, isAllowed) : lastOfAllowedRun(ordered, isAllowed)
      if (winner !== undefined) winners.set(key, winner.eventId)
    }
    for (const [key, eventId] of winners) settled.set(key, eventId)
  }
  return reader.isComplete ? ok(settled) : fail(reader.missingEvents())
}

type Pass = 'power-levels' | 'join-rules' | 'members' | 'other'
const PASSES: readonly Pass[] = ['power-levels', 'join-rules', 'members', 'other']

const passOf = (key: string): Pass => {
  const tuple = parseStateTupleKey(key)
  switch (tuple?.type) {
    case 'm.room.power_levels':
      return tuple.stateKey === '' ? 'power-levels' : 'other'
    case 'm.room.join_rules':
      return 'join-rules'
    case 'm.room.member':
      return 'members'
    default:
      return 'other'
  }
}

interface Contenders {
  readonly settled: Map<string, EventId>
  /** The events of the other keys by ascending depth, then descending SHA-1 of the event id. */
  readonly contested: ReadonlyMap<string, readonly RoomEvent[]>
}

const contenders = ({ sets }: Conflict, reader: EventReader): Contenders => {
  const byKey = new Map<string, Set<EventId>>()
  for (const state of sets) {
    for (const [key, eventId] of state) byKey.set(key, (byKey.get(key) ?? new Set()).add(eventId))
  }
  const settled = new Map<string, EventId>()
  const contested = new Map<string, readonly RoomEvent[]>()
  for (const [key, eventIds] of byKey) {
    const [only] = eventIds
    if (eventIds.size === 1 && only !== undefined) settled.set(key, only)
    else contested.set(key, inOrder(eventIds, reader))
  }
  return { settled, contested }
}

const inOrder = (eventIds: Iterable<EventId>, reader: EventReader): readonly RoomEvent[] => {
  const found: { readonly event: RoomEvent; readonly sha1: string }[] = []
  for (const eventId of eventIds) {
    const event = reader.get(eventId)
    if (event !== undefined) found.push({ event, sha1: hash('sha1', eventId, 'hex') })
  }
  found.sort((left, right) => left.event.depth - right.event.depth || (left.sha1 < right.sha1 ? 1 : -1))
  return found.map(({ event }) => event)
}

const readAhead = (
  version: RoomVersion,
  contested: Contenders['contested'],
  settled: StateMap,
  { unconflicted }: Conflict,
  reader: EventReader,
): void => {
  for (const ordered of contested.values()) {
    for (const event of ordered) {
      for (const { type, stateKey } of authEventTuples(version, event)) {
        const key = stateTupleKey(type, stateKey)
        const inForce = settled.get(key) ?? unconflicted.get(key)
        if (inForce !== undefined) reader.get(inForce)
      }
    }
  }
}

type Check = (event: RoomEvent, before?: RoomEvent) => boolean

/** The first is taken as it is, each next one while those before it allow it. */
const lastOfAllowedRun = (ordered: readonly RoomEvent[], isAllowed: Check): RoomEvent | undefined => {
  let winner = ordered[0]
  for (const event of ordered.slice(1)) {
    if (!isAllowed(event, winner)) break
    winner = event
  }
  return winner
}

/** The deepest that is allowed; where none is, the least deep. */
const lastAllowed = (ordered: readonly RoomEvent[], isAllowed: Check): RoomEvent | undefined =>
  ordered.findLast((event) => isAllowed(event)) ?? ordered[0]
