import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EventLookup, StateMap } from '#rules'
import { findConflict, resolveConflicts, resolveState } from '#rules'
import type { EventId, RoomVersion } from '#spec'
import { ROOM_VERSIONS } from '#spec'
import { keyOf, mustResolve } from './state-resolution-graph.ts'
import { referenceResolution } from './state-resolution-reference.ts'
import type { BuiltRoom } from './state-resolution-rooms.ts'
import { build, plan } from './state-resolution-rooms.ts'

/**
 * Laws of state resolution over random rooms. A case is one room, held to every law; together the versions see at least
 * as many as the gate asks for.
 */
const LEAST_CASES = 10_000
const CASES: Readonly<Record<string, number>> = { 1: 2000, 2: 4000, 6: 1500, 8: 1500, 10: 1500, 11: 3500, 12: 6000 }

const tally = { cases: 0, conflicts: 0, differing: 0, fellBack: 0 }

const resolve = (version: RoomVersion, sets: readonly StateMap[], lookup: EventLookup): Record<string, EventId> =>
  Object.fromEntries([...mustResolve(version, sets, lookup)].sort(([left], [right]) => (left < right ? -1 : 1)))

const holdToLaws = (version: RoomVersion, { graph, sets }: BuiltRoom): void => {
  const resolved = resolve(version, sets, graph.ordered)

  // Independent of the order of the states, of repeated ones, and of how much is known of the events' order.
  expect(resolve(version, sets.toReversed(), graph.unordered)).toEqual(resolved)
  expect(resolve(version, [...sets.slice(1), ...sets], graph.ordered)).toEqual(resolved)

  // Idempotent.
  const result = new Map(Object.entries(resolved))
  expect(resolve(version, [result], graph.ordered)).toEqual(resolved)
  expect(resolve(version, [result, new Map(result)], graph.ordered)).toEqual(resolved)

  // Unconflicted state is untouched, and nothing is made up.
  const given = new Set(sets.flatMap((state) => [...state.values()]))
  for (const [key, eventId] of sets[0] ?? []) {
    if (sets.every((state) => state.get(key) === eventId)) expect(resolved[key]).toBe(eventId)
  }
  for (const [key, eventId] of Object.entries(resolved)) {
    const event = graph.events.get(eventId)
    expect(event === undefined ? undefined : keyOf(event)).toBe(key)
    if (version.stateResolution === 'v1') expect(given.has(eventId)).toBe(true)
    else if (!given.has(eventId)) tally.fellBack++
  }
  if (version.stateResolution !== 'v1')
    expect(resolved).toEqual(Object.fromEntries(referenceResolution(version, sets, graph.events)))
  count(version, { graph, sets }, resolved)
}

const count = (version: RoomVersion, { graph, sets }: BuiltRoom, resolved: Record<string, EventId>): void => {
  tally.cases++
  const conflict = findConflict(sets, graph.ordered)
  if (conflict === undefined) return
  tally.conflicts++
  const partly = resolveConflicts(version, conflict, graph.ordered)
  for (const [key, eventId] of partly.ok ? partly.value : []) expect(resolved[key]).toBe(eventId)
  const first = Object.fromEntries(sets[0] ?? [])
  if (Object.keys(resolved).some((key) => resolved[key] !== first[key])) tally.differing++
}

describe('laws of state resolution', () => {
  it.each(Object.entries(CASES))('hold in room version %s for %i random rooms', { timeout: 120_000 }, (id, numRuns) => {
    const version = ROOM_VERSIONS.get(id)
    if (version === undefined) throw new Error(`no room version ${id}`)
    fc.assert(
      fc.property(plan, (drawn) => holdToLaws(version, build(version, drawn))),
      { numRuns },
    )
  })

  it('have been held against cases enough, and against rooms that do have conflicts', () => {
    console.info(
      `state resolution: ${tally.cases} random rooms, ${tally.conflicts} with a conflict, ` +
        `${tally.differing} resolved to other than the first state, ${tally.fellBack} entries out of auth chains`,
    )
    expect(tally.cases).toBeGreaterThanOrEqual(LEAST_CASES)
    expect(tally.conflicts).toBeGreaterThan(tally.cases / 2)
    expect(tally.differing).toBeGreaterThan(tally.cases / 10)
  })

  it('hold for what is missing too: a lookup that fails is named, never guessed', () => {
    const version = ROOM_VERSIONS.get('11')
    if (version === undefined) throw new Error('no room version 11')
    fc.assert(
      fc.property(plan, fc.nat(30), (drawn, hidden) => {
        const { graph, sets } = build(version, drawn)
        const absent = [...graph.events.keys()][hidden % graph.events.size]
        const get = (eventId: EventId) => (eventId === absent ? undefined : graph.events.get(eventId))
        const outcome = resolveState(version, sets, { ...graph.ordered, get })
        if (outcome.ok) expect(outcome.value).toEqual(mustResolve(version, sets, graph.ordered))
        else expect(outcome.failure.missing).toEqual([absent])
      }),
      { numRuns: 500 },
    )
  })
})
