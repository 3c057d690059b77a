import type { Result } from '#base'
import { ok } from '#base'
import type { EventId, RoomVersion } from '#spec'
import type { Conflict, EventLookup, MissingEvents, StateMap } from './conflict.ts'
import { findConflict } from './conflict.ts'
import { resolveV1 } from './resolve-v1.ts'
import { resolveV2 } from './resolve-v2.ts'
import { type ResolutionSteps, toTheEnd } from './steps.ts'

/**
 * Resolves a conflict: an entry for each key that has one in the resolved state and is not among the unconflicted
 * ones. A conflicted key without an entry here has none in the resolved state. Cost follows the conflict, never the size of
 * the room, provided `events` has an order (see `EventLookup`).
 */
export const resolveConflicts = (
  version: RoomVersion,
  conflict: Conflict,
  events: EventLookup,
): Result<StateMap, MissingEvents> => toTheEnd(resolveInSteps(version, conflict, events))

/** The same in steps, each of which is short whatever there is to resolve; in room version 1 it is a single one. */
export function* resolveInSteps(
  version: RoomVersion,
  conflict: Conflict,
  events: EventLookup,
): ResolutionSteps<Result<StateMap, MissingEvents>> {
  switch (version.stateResolution) {
    case 'v1':
      return resolveV1(version, conflict, events)
    case 'v2':
    case 'v2.1':
      return yield* resolveV2(version, conflict, events)
  }
}

/**
 * The resolution of whole states ("Room versions", "State resolution"): for callers that have them as maps. Finding the conflict and
 * copying what is not conflicted takes one pass over the states. The order of `stateSets` does not matter; none at all
 * resolve to an empty state, and equal ones to the very map given.
 */
export const resolveState = (
  version: RoomVersion,
  stateSets: readonly StateMap[],
  events: EventLookup,
): Result<StateMap, MissingEvents> => {
  const [first] = stateSets
  const conflict = findConflict(stateSets, events)
  if (first === undefined || conflict === undefined) return ok(first ?? new Map<string, EventId>())
  const resolved = resolveConflicts(version, conflict, events)
  if (!resolved.ok) return resolved
  const state = new Map(first)
  for (const set of conflict.sets) for (const key of set.keys()) state.delete(key)
  for (const [key, eventId] of resolved.value) state.set(key, eventId)
  return ok(state)
}
