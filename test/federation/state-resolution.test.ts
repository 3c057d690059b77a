import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StateMap } from '#rules'
import { buildEvent, referenceHash } from '#rules'
import { type EventId, ROOM_VERSIONS, type RoomEvent, type RoomId, type RoomVersion } from '#spec'
import { mustResolve } from '../rules/state-resolution-graph.ts'
import { type BuiltRoom, build, plan } from '../rules/state-resolution-rooms.ts'
import { peerKey } from '../support/federation-peer/peer.ts'
import { type ResolutionQuestion, SynapseResolver } from './synapse/resolver.ts'
import { SYNAPSE } from './synapse/synapse.ts'

/**
 * State resolution against Synapse's: random rooms, whose states are resolved by both. No event of them is rejected: Synapse never
 * takes a rejected event into a state, where the specification judges it anew.
 */
const CONFLICTS = Number(process.env.HOMEROOM_TEST_RESOLUTIONS ?? 100)
const SEED = Number(process.env.HOMEROOM_TEST_SEED ?? 1)
const VERSIONS = ['1', '2', '6', '8', '10', '11', '12']

const KEY = peerKey('x.example', 'ed25519:x', 'A'.repeat(43))

interface RealRoom {
  readonly question: ResolutionQuestion
  readonly events: ReadonlyMap<EventId, RoomEvent>
  readonly sets: readonly StateMap[]
}

/** The room in events as they stand on the wire, so with other ids than in the plan. */
const realRoomOf = (version: RoomVersion, { graph, sets }: BuiltRoom): RealRoom => {
  const ids = new Map<EventId, EventId>()
  const hashes = new Map<EventId, string>()
  const events = new Map<EventId, RoomEvent>()
  const pdus = []
  let roomId = '!room:x.example' as RoomId
  const realIds = (planned: readonly EventId[]): EventId[] => planned.flatMap((eventId) => ids.get(eventId) ?? [])
  for (const event of graph.events.values()) {
    const founds = event.type === 'm.room.create' && version.roomIdIsCreateHash
    const content = event.type === 'm.room.create' ? { room_version: version.id, ...event.content } : event.content
    const built = buildEvent(
      version,
      {
        ...event,
        content,
        roomId: founds ? undefined : roomId,
        prevEvents: realIds(event.prevEvents),
        authEvents: realIds(event.authEvents),
        referenceHashes: hashes,
        eventId: `${event.eventId}:x.example` as EventId,
      },
      KEY,
    )
    if (!built.ok) throw new Error(JSON.stringify(built.failure))
    const { eventId, pdu } = built.value
    roomId = built.value.event.roomId
    ids.set(event.eventId, eventId)
    events.set(eventId, built.value.event)
    pdus.push(pdu)
    const hash = referenceHash(version, pdu)
    if (hash.ok) hashes.set(eventId, hash.value)
  }
  const realSets = sets.map(
    (state) => new Map([...state].map(([key, eventId]): [string, EventId] => [key, realIds([eventId])[0] ?? eventId])),
  )
  const question = {
    version: version.id,
    room_id: roomId,
    events: pdus,
    sets: realSets.map((state) => [...state.values()]),
  }
  return { question, events, sets: realSets }
}

const differ = ([first, ...others]: readonly StateMap[]): boolean =>
  others.some((other) => other.size !== first?.size || [...other].some(([key, eventId]) => first.get(key) !== eventId))

describe.skipIf(SYNAPSE === undefined)(
  'state resolution and that of Synapse (skipped without HOMEROOM_TEST_SYNAPSE)',
  () => {
    let synapse: SynapseResolver | undefined
    beforeAll(async () => {
      synapse = await SynapseResolver.start()
    }, 60_000)
    afterAll(() => synapse?.[Symbol.asyncDispose]())

    it.each(VERSIONS)(
      `give equal states for ${CONFLICTS} conflicts of version %s`,
      async (id) => {
        const version = ROOM_VERSIONS.get(id)
        if (version === undefined) throw new Error(`no room version ${id}`)
        let conflicts = 0
        for (let seed = SEED; conflicts < CONFLICTS; seed++) {
          for (const { steps, picks } of fc.sample(plan, { seed, numRuns: 100 })) {
            const planned = build(version, { picks, steps: steps.map((step) => ({ ...step, rejected: false })) })
            if (!differ(planned.sets)) continue
            const { question, events, sets } = realRoomOf(version, planned)
            const ours = mustResolve(version, sets, { get: (eventId) => events.get(eventId) })
            const theirs = await synapse?.resolve(question)
            expect([...ours.values()].sort(), `seed ${seed}: ${JSON.stringify(question)}`).toEqual(theirs)
            conflicts++
          }
        }
        expect(conflicts).toBeGreaterThanOrEqual(CONFLICTS)
      },
      600_000,
    )
  },
)
