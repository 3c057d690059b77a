import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SlidingConnection } from '../sliding-sync/connection.ts'
import { grow, leastCpuMs, repeatedly } from './grown.ts'

const ROOMS = 4_000
const MEMBERS = 4_000
/** How much more an answer may cost: a busy machine counts a little. */
const FACTOR = 4
const TIMES = 20
const STATUS = 'org.matrix.msc4426.status'
const NAME = 'org.matrix.msc4262.profiles'
const FILTER = JSON.stringify({
  presence: { types: [] },
  room: { rooms: [] },
  'org.matrix.msc4429.profile_fields': { ids: [STATUS] },
})

interface Costs {
  readonly sync: number
  readonly sliding: number
}

describe('changes of profiles', () => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  beforeAll(async () => {
    homeserver = await startHomeserver()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })
  afterAll(() => homeserver.stop())

  let count = 0
  const change = (): Promise<Json> => bob.setProfileField(STATUS, `${count++}`)
  /** The least of several rounds, which go on while one is not below what is given. */
  const costs = async (above?: Costs): Promise<Costs> => {
    const { next_batch: since } = await alice.sync({ filter: FILTER })
    const wish = { otherExtensions: { [NAME]: { enabled: true, fields: [STATUS] } } }
    const connection = new SlidingConnection(alice, 'legacy', `c${count}`)
    await connection.next(wish)
    await change()
    const syncs = repeatedly(TIMES, async () => {
      const answer = await alice.sync({ filter: FILTER, since })
      expect(Object.keys(answer['org.matrix.msc4429.users'])).toEqual([bob.userId])
    })
    const asks = repeatedly(TIMES, async () => {
      const { body } = await connection.ask(wish)
      expect(Object.keys(body.extensions[NAME].users)).toEqual([bob.userId])
    })
    return { sync: await leastCpuMs(syncs, above?.sync), sliding: await leastCpuMs(asks, above?.sliding) }
  }

  it('cost a reader who shares 4,000 rooms, or one with 4,000 members, what they cost one who shares a single room', async () => {
    const small = await costs()
    const above = { sync: small.sync * FACTOR, sliding: small.sliding * FACTOR }
    await grow(homeserver, (rows) => {
      rows.copyRoom(roomId, ROOMS)
    })
    const manyRooms = await costs(above)
    await grow(homeserver, (rows) => {
      rows.addMembers(roomId, bob.userId, MEMBERS)
    })
    const manyMembers = await costs(above)
    for (const large of [manyRooms, manyMembers]) {
      expect(large.sync / small.sync).toBeLessThan(FACTOR)
      expect(large.sliding / small.sliding).toBeLessThan(FACTOR)
    }
  }, 240_000)
})
