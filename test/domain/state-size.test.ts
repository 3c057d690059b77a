import { afterEach, expect, test } from 'vitest'
import { systemClock, systemRandom } from '#base'
import { Rooms, Sending } from '#domain'
import { signingKeyFromSeed } from '#rules'
import { type EventId, MatrixError, type RoomId, type ServerName, type UserId } from '#spec'
import { type Store, writers } from '#store'
import { cleanDatabases, makeSqlite } from '../contract/databases.ts'

const SERVER = 'sizes.example' as ServerName
const alice = '@alice:sizes.example' as UserId
/** Bytes of each member that are free, as the writer of rooms has it. */
const FREE_MEMBER_BYTES = 2_048
const LIMITS = { bytes: 40_000, entries: 25 }

afterEach(cleanDatabases)

const sendingOver = (store: Store) => {
  const key = signingKeyFromSeed('ed25519:1', SERVER, Buffer.alloc(32, 7).toString('base64').replace('=', ''))
  if (!key.ok) throw new Error('the seed is no key')
  const kept = { commit: store.commit, reader: store.rooms, writer: writers.rooms }
  const sources = { clock: systemClock, random: systemRandom, key: key.value }
  const rooms = new Rooms({ ...kept, ...sources, stateLimits: LIMITS, cacheLimitBytes: 1e7 })
  return { rooms, sending: new Sending({ rooms, reader: store.rooms, relations: store.relations, clock: systemClock }) }
}

/** Numbers below `below`, the same each time. */
const dice = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % below
  }
}

test.each([1, 2, 3])(
  'the size that turns keep is the size that is stored, and never above the limits (%i)',
  async (seed) => {
    const store = await (await makeSqlite()).open()
    const roll = dice(seed)
    let { rooms, sending } = sendingOver(store)
    const options = {
      creator: alice,
      version: '11',
      createContent: () => ({ creator: alice }),
      published: false,
      alias: undefined,
    }
    const { roomId } = await rooms.create(options, (turn) =>
      turn.add({ type: 'm.room.member', sender: alice, stateKey: alice, content: { membership: 'join' } }),
    )
    const sent: EventId[] = []
    let refused = 0
    const set = async (type: string, stateKey: string, length: number): Promise<void> => {
      const content = { text: 'é'.repeat(length), ...(type === 'm.room.member' ? { membership: 'join' } : {}) }
      const plan = sending.state(roomId, { type, sender: alice, stateKey, content })
      await plan
        .then((eventId) => sent.push(eventId))
        .catch((error: unknown) => {
          if (!(error instanceof MatrixError) || error.errcode !== 'M_TOO_LARGE') throw error
          refused++
        })
    }
    for (let step = 0; step < 120; step++) {
      const way = roll(12)
      if (way < 8) await set('a.type', `${roll(30)}`, roll(2) === 0 ? roll(3_000) : roll(100))
      else if (way === 8) await set('m.room.member', alice, roll(8_000))
      else if (way === 9 && sent.length > 0) await redactOne(sending, roomId, sent[roll(sent.length)] as EventId)
      else if (way === 10) ({ rooms, sending } = sendingOver(store))
      else await sending.message(roomId, { type: 'm.room.message', sender: alice, content: { body: 'x' } })
      const record = await store.rooms.roomByRoomId(roomId)
      const counted = await store.rooms.stateSize(record?.room ?? 0, FREE_MEMBER_BYTES)
      expect(record?.stateSize).toEqual(counted)
      expect(counted.bytes).toBeLessThanOrEqual(LIMITS.bytes)
      expect(counted.entries).toBeLessThanOrEqual(LIMITS.entries)
    }
    expect(refused).toBeGreaterThan(0)
  },
)

const redactOne = async (sending: Sending, roomId: RoomId, target: EventId): Promise<void> => {
  await sending.redact(roomId, alice, target, {})
}
