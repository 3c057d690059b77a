import { expect, it } from 'vitest'
import { silentLogger, systemClock } from '#base'
import { type EventId, ROOM_VERSIONS, type RoomId } from '#spec'
import { openStore, type Store } from '#store'
import { onPostgres } from '../../contract/databases.ts'
import { seedOfRun } from '../../crash/dice.ts'
import { Replay } from '../../support/replay.ts'
import { TwoProcesses } from '../../support/two-processes.ts'
import { KINDS, type Member, SharedLoad } from './two-processes-load.ts'

/** `HOMEROOM_TEST_TWO_PROCESSES`: for how many seconds both write. */
const SECONDS = Number(process.env.HOMEROOM_TEST_TWO_PROCESSES ?? 5)
const TIME_MS = 120_000 + SECONDS * 10_000
const MEMBERS = ['bob', 'carol', 'dave', 'erin']
/** Old and new rules, events with ids of their own, and a room that is a hash. */
const VERSIONS = ['1', '10', '12']

const memberOf = async (two: TwoProcesses, name: string): Promise<Member> => {
  const clients = await two.register(name)
  return { userId: clients[0].userId, clients }
}

/** Every event of all rooms, as stored. */
const pdusByRoom = async (store: Store): Promise<ReadonlyMap<string, readonly string[]>> => {
  const rooms = new Map<string, string[]>()
  let after = 0
  for (;;) {
    const events = await store.rooms.eventsAfter(after, Number.MAX_SAFE_INTEGER, 1_000)
    for (const { roomId, json } of events) rooms.set(roomId, [...(rooms.get(roomId) ?? []), json])
    const last = events.at(-1)
    if (last === undefined) return rooms
    after = last.position
  }
}

onPostgres('two processes over one database, both writing to the same rooms,', () => {
  it(
    `leave no dangling reference, refuse nothing but with a hint when to come back, and agree with a replay (${SECONDS} s)`,
    async () => {
      const seed = seedOfRun()
      await using two = await TwoProcesses.start()
      const owner = await memberOf(two, 'alice')
      const members = await Promise.all(MEMBERS.map((name) => memberOf(two, name)))
      const rooms = await Promise.all(
        VERSIONS.map(async (version) => {
          const [client] = owner.clients
          const roomId = await client.createRoom({ preset: 'public_chat', room_version: version })
          await Promise.all(members.map(({ clients }) => clients[0].join(roomId)))
          return roomId
        }),
      )
      const load = new SharedLoad({ owner, members, rooms, seed })
      await load.run(SECONDS * 1_000)
      await two.terminate()

      const store = await openStore({ url: two.databaseUrl, clock: systemClock, logger: silentLogger })
      const faults: string[] = []
      let replayed = 0
      try {
        const pdus = await pdusByRoom(store)
        for (const roomId of rooms) {
          const record = await store.rooms.roomByRoomId(roomId as RoomId)
          const version = ROOM_VERSIONS.get(record?.version ?? '')
          if (record === undefined || version === undefined) throw new Error(`${roomId} is not there`)
          const extremities = record.extremities.map(({ eventId }) => eventId)
          const state = await store.rooms.state(record.room, { at: 'current' })
          const replay = new Replay({ version, pdus: pdus.get(roomId) ?? [], state, extremities })
          replayed += replay.size
          faults.push(...replay.faults.map((fault) => `version ${version.id}: ${fault}`))
        }
        for (const { eventId, roomId } of load.acknowledged) {
          const stored = await store.rooms.event(eventId as EventId)
          if (stored?.roomId !== roomId) faults.push(`${eventId} was acknowledged and is not stored`)
        }
      } finally {
        await store.close()
      }
      console.log(
        `two processes: ${replayed} events in ${SECONDS} s, ${[...load.counts].map((entry) => entry.join(': ')).join(', ')}; seed ${seed}; ${load.faults.length} + ${faults.length} faults`,
      )
      // A few tell enough.
      expect(load.faults.slice(0, 20)).toEqual([])
      expect(faults.slice(0, 20)).toEqual([])
      expect(two.errors).not.toMatch(/"level":"(?:error|fatal)"/)
      // The test itself has to have had teeth.
      expect(replayed).toBeGreaterThan(SECONDS * 10)
      for (const kind of KINDS) expect(load.counts.get(`${kind} 200`)).toBeGreaterThan(0)
    },
    TIME_MS,
  )
})
