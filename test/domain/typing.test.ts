import { afterEach, describe, expect, it } from 'vitest'
import { systemRandom } from '#base'
import { Rooms, Sending, Typing } from '#domain'
import { signingKeyFromSeed } from '#rules'
import type { ServerName, UserId } from '#spec'
import { type Committed, type Store, writers } from '#store'
import { InProcessBus, Streams } from '#streams'
import { cleanDatabases, makeSqlite } from '../contract/databases.ts'
import { SteppedClock } from '../support/stepped-clock.ts'

const SERVER = 'typing.example' as ServerName
const alice = '@alice:typing.example' as UserId
const FORBIDDEN = expect.objectContaining({ errcode: 'M_FORBIDDEN' })

afterEach(cleanDatabases)

/** A room that alice is in, and typing in a process that hears of commits only when a test lets it. */
const startTyping = async () => {
  const store: Store = await (await makeSqlite()).open()
  const { commit } = store
  const clock = new SteppedClock()
  const bus = new InProcessBus()
  const mail: Committed[] = []
  store.onCommitted((committed) => mail.push(committed))
  const account = { passwordHash: undefined, guest: false, admin: false, createdAtMs: 0 }
  const [user] = await commit([writers.accounts.create({ userId: alice, ...account })])
  const key = signingKeyFromSeed('ed25519:1', SERVER, Buffer.alloc(32, 7).toString('base64').replace('=', ''))
  if (!key.ok) throw new Error('the seed is no key')
  const kept = { commit, reader: store.rooms, writer: writers.rooms, clock, random: systemRandom }
  const rooms = new Rooms({ ...kept, key: key.value, stateLimits: { bytes: 1e6, entries: 100 }, cacheLimitBytes: 1e6 })
  const sending = new Sending({ rooms, reader: store.rooms, relations: store.relations, clock })
  const createContent = () => ({ creator: alice })
  const options = { creator: alice, version: '11', createContent, published: false, alias: undefined }
  const { roomId } = await rooms.create(options, (turn) =>
    turn.add({ type: 'm.room.member', sender: alice, stateKey: alice, content: { membership: 'join' } }),
  )
  mail.splice(0)
  const durable = await store.positions()
  const streams = new Streams({
    ...{ clock, bus, durable },
    readDurable: () => store.positions(),
    roomsAround: store.rooms.roomsAround,
  })
  const reads = { count: 0, after: async (): Promise<void> => {} }
  const typing = new Typing({
    clock,
    streams,
    rooms: {
      roomByRoomId: (id) => store.rooms.roomByRoomId(id),
      membership: async (number, userId) => {
        const record = await store.rooms.membership(number, userId)
        reads.count++
        await reads.after()
        return record
      },
    },
  })
  const record = await store.rooms.roomByRoomId(roomId)
  if (record === undefined) throw new Error('the room was not made')
  return {
    ...{ typing, streams, reads, bus },
    room: record.room,
    set: (on: boolean, timeoutMs?: number) => typing.set(roomId, user, alice, on, timeoutMs),
    leave: () =>
      sending.state(roomId, {
        type: 'm.room.member',
        stateKey: alice,
        sender: alice,
        content: { membership: 'leave' },
      }),
    hear: (): void => {
      for (const { before, positions, announcements: news } of mail.splice(0))
        bus.publish({ kind: 'committed', before, positions, news })
    },
    /** Tells the process that it has missed news. */
    miss: (): void => bus.publish({ kind: 'committed', before: { events: 1_000_000 }, positions: {}, news: [] }),
  }
}

describe('typing', () => {
  it('does not begin for a user whose leave was heard of while the membership was read', async () => {
    const { typing, reads, room, set, leave, hear } = await startTyping()
    reads.after = async () => {
      reads.after = async () => {}
      await leave()
      hear()
    }
    await expect(set(true)).rejects.toEqual(FORBIDDEN)
    expect([typing.typing(room), reads.count]).toEqual([[], 2])
  })

  it('does not begin for a user whose leave was missed while the membership was read', async () => {
    const { typing, reads, room, set, leave, miss } = await startTyping()
    reads.after = async () => {
      reads.after = async () => {}
      await leave()
      miss()
    }
    await expect(set(true)).rejects.toEqual(FORBIDDEN)
    expect([typing.typing(room), reads.count]).toEqual([[], 2])
  })

  it('begins after one read where nothing happens meanwhile, and ends with the leave', async () => {
    const { typing, reads, room, set, leave, hear } = await startTyping()
    await set(true)
    expect([typing.typing(room), reads.count]).toEqual([[alice], 1])
    await leave()
    hear()
    expect(typing.typing(room)).toEqual([])
  })

  it.each([0, -5])('for %i ms is none: it does not begin, and what was begun ends', async (timeoutMs) => {
    const { typing, streams, room, set } = await startTyping()
    const before = streams.positions().typing
    await set(true, timeoutMs)
    expect([typing.typing(room), streams.positions().typing]).toEqual([[], before])
    await set(true)
    expect(typing.typing(room)).toEqual([alice])
    await set(true, timeoutMs)
    expect(typing.typing(room)).toEqual([])
  })
})
