import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { THREADS } from './world.ts'

const enc = encodeURIComponent
const text = (body: string, more: object = {}): Record<string, unknown> => ({ msgtype: 'm.text', body, ...more })
const inThread = (root: string, type = 'm.thread'): object => ({ 'm.relates_to': { rel_type: type, event_id: root } })
const counts = (notifications: number, highlights = 0): object => ({
  notification_count: notifications,
  highlight_count: highlights,
})

describe('unread counts', () => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  let carol: TestClient
  beforeAll(async () => {
    homeserver = await startHomeserver()
    alice = await homeserver.register('alice')
    carol = await homeserver.register('carol')
  })
  afterAll(() => homeserver.stop())

  /** A room of the three; bob, a new one in each test, has synced up to there. */
  const begin = async (): Promise<{ roomId: string; since: string }> => {
    bob = await homeserver.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await carol.join(roomId)
    await bob.join(roomId)
    return { roomId, since: (await bob.sync()).next_batch }
  }
  const shown = ({ unread_notifications: main, unread_thread_notifications: threads = {} }: Json): unknown => ({
    main,
    threads,
  })
  const inFull = async (roomId: string): Promise<unknown> => shown((await bob.sync(THREADS)).rooms.join[roomId])
  const ignore = (...users: string[]): Promise<Json> =>
    bob.put(`/v3/user/${enc(bob.userId)}/account_data/m.ignored_user_list`, {
      ignored_users: Object.fromEntries(users.map((user) => [user, {}])),
    })

  it('stay as they are when one changes one’s own name, avatar or room nick, in every room and thread', async () => {
    const { roomId } = await begin()
    const root = await alice.sendText(roomId, 'root')
    await alice.send(roomId, 'm.room.message', text('look', { 'm.mentions': { user_ids: [bob.userId] } }))
    await alice.send(roomId, 'm.room.message', text('in the thread', inThread(root)))
    const expected = { main: counts(2, 1), threads: { [root]: counts(1) } }
    expect(await inFull(roomId)).toEqual(expected)
    const profile = `/v3/profile/${enc(bob.userId)}`
    const changes = [
      () => bob.put(`${profile}/displayname`, { displayname: 'Robert' }),
      () => bob.put(`${profile}/avatar_url`, { avatar_url: 'mxc://example.org/bob' }),
      () => bob.setState(roomId, 'm.room.member', bob.userId, { membership: 'join', displayname: 'Bobby' }),
    ]
    for (const change of changes) {
      const { next_batch: since } = await bob.sync()
      await change()
      const told = await bob.syncUntil(since, ({ rooms }) => rooms?.join?.[roomId] !== undefined)
      expect(told.rooms.join[roomId].unread_notifications).toEqual(counts(3, 1))
      expect(await inFull(roomId)).toEqual(expected)
    }
    await homeserver.restart()
    expect(await inFull(roomId)).toEqual(expected)
  })

  it('leave out messages of ignored users, which nothing that the client sees could clear', async () => {
    const { roomId, since } = await begin()
    await ignore(alice.userId)
    await alice.sendText(roomId, 'ignored')
    await carol.sendText(roomId, 'heard')
    const { rooms } = await bob.sync({ since, ...THREADS })
    expect(shown(rooms.join[roomId])).toEqual({ main: counts(1), threads: {} })
    await ignore()
    expect(await inFull(roomId)).toEqual({ main: counts(2), threads: {} })
  })

  it('leave out a redacted message at once and not only after a restart, whoever redacts it and whatever the filter shows', async () => {
    const { roomId } = await begin()
    const said = [await carol.sendText(roomId, 'one'), await carol.sendText(roomId, 'two')]
    const hidesRedactions = {
      filter: JSON.stringify({ room: { timeline: { not_types: ['m.room.redaction'] } } }),
    }
    await ignore(alice.userId)
    let since = (await bob.sync(hidesRedactions)).next_batch
    for (const [index, eventId] of said.entries()) {
      await alice.redact(roomId, eventId)
      const answer = await bob.sync({ since, timeout: 10_000, ...(index === 0 ? {} : hidesRedactions) })
      since = answer.next_batch
      expect(answer.rooms.join[roomId].unread_notifications).toEqual(counts(1 - index))
    }
    await homeserver.restart()
    expect(await inFull(roomId)).toEqual({ main: counts(0), threads: {} })
  })

  it('are told at once when rules or ignored users change, with nothing else happening in the room', async () => {
    const { roomId } = await begin()
    await alice.sendText(roomId, 'have some cake')
    await carol.sendText(roomId, 'hello')
    let { next_batch: since } = await bob.sync()
    const toldAfter = async (change: Promise<unknown>): Promise<unknown> => {
      await change
      const answer = await bob.sync({ since, timeout: 10_000 })
      since = answer.next_batch
      return answer.rooms.join[roomId]?.unread_notifications
    }
    const mute = `/v3/pushrules/global/override/mute`
    const ofRoom = { conditions: [{ kind: 'event_match', key: 'room_id', pattern: roomId }], actions: [] }
    expect(await toldAfter(bob.put(mute, ofRoom))).toEqual(counts(0))
    expect(await toldAfter(bob.put(`${mute}/enabled`, { enabled: false }))).toEqual(counts(2))
    const keyword = { pattern: 'cake', actions: ['notify', { set_tweak: 'highlight' }] }
    expect(await toldAfter(bob.put('/v3/pushrules/global/content/cake', keyword))).toEqual(counts(2, 1))
    expect(await toldAfter(ignore(alice.userId))).toEqual(counts(1))
    expect(await toldAfter(ignore())).toEqual(counts(2, 1))
    // Other account data tells of no counts.
    expect(await toldAfter(bob.put(`/v3/user/${enc(bob.userId)}/account_data/org.example.x`, {}))).toBeUndefined()
  })

  it('and receipts have one reader of threads: what is related to a thread’s event counts there and is read there', async () => {
    const { roomId } = await begin()
    const root = await alice.sendText(roomId, 'root')
    const reply = await alice.send(roomId, 'm.room.message', text('in the thread', inThread(root)))
    const related = await alice.send(roomId, 'm.room.message', text('about it', inThread(reply, 'm.reference')))
    const aboutRoot = await alice.send(roomId, 'm.room.message', text('about the root', inThread(root, 'm.reference')))
    const outside = await alice.sendText(roomId, 'outside')
    expect(await inFull(roomId)).toEqual({ main: counts(3), threads: { [root]: counts(2) } })
    const receipt = async (eventId: string, thread: string): Promise<number> => {
      const path = `/v3/rooms/${enc(roomId)}/receipt/m.read/${enc(eventId)}`
      return (await bob.request('POST', path, { body: { thread_id: thread } })).status
    }
    // Refused only where the event has nothing to do with the thread.
    expect([await receipt(outside, root), await receipt(reply, 'main'), await receipt(related, 'main')]).toEqual([
      400, 400, 400,
    ])
    expect([await receipt(related, root), await receipt(aboutRoot, root)]).toEqual([200, 200])
    expect(await inFull(roomId)).toEqual({ main: counts(3), threads: {} })
    expect(await receipt(outside, 'main')).toBe(200)
    expect(await inFull(roomId)).toEqual({ main: counts(0), threads: {} })
    await homeserver.restart()
    expect(await inFull(roomId)).toEqual({ main: counts(0), threads: {} })
  })
})
