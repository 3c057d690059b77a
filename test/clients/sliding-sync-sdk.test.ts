import { createClient, type MatrixClient, ReceiptType } from 'matrix-js-sdk'
import { type MSC3575List, SlidingSync, SlidingSyncEvent, SlidingSyncState } from 'matrix-js-sdk/lib/sliding-sync.js'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { TestClient } from '../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { newMembership, newSees, newTexts, silent } from './sdk-of-today.ts'

/** The SDK tells all it does through the console; a failing test says enough. */
for (const method of ['debug', 'info', 'log', 'trace', 'warn', 'error'] as const)
  vi.spyOn(console, method).mockImplementation(() => {})

const STATE = [
  ['m.room.name', ''],
  ['m.room.create', ''],
  ['m.room.topic', ''],
  ['m.room.member', '$LAZY'],
  ['m.room.member', '$ME'],
]
const SUBSCRIPTION = { timeline_limit: 20, required_state: STATE }
const POLL_MS = 20_000
/** The SDK tells of some changes before they are in place. */
const SOON = { timeout: 10_000, interval: 5 }

describe('SlidingSync of matrix-js-sdk', () => {
  let homeserver: TestHomeserver
  const running: { readonly client: MatrixClient; readonly sliding: SlidingSync }[] = []
  beforeAll(async () => {
    homeserver = await startHomeserver()
  })
  afterEach(() => {
    for (const { client, sliding } of running.splice(0)) {
      sliding.stop()
      client.stopClient()
    }
  })
  afterAll(() => homeserver.stop())

  const listOf = (end: number, more: Partial<MSC3575List> = {}): MSC3575List => ({
    ranges: [[0, end]],
    timeline_limit: 1,
    required_state: STATE,
    ...more,
  })

  const clientOf = ({ userId, accessToken = '', deviceId }: TestClient): MatrixClient =>
    createClient({ baseUrl: homeserver.url, logger: silent, userId, accessToken, deviceId })

  /** A client that syncs by these lists, as Element Web does where its users turn that on. */
  const started = async (account: TestClient, lists: Readonly<Record<string, MSC3575List>>) => {
    const client = clientOf(account)
    const sliding = new SlidingSync(homeserver.url, new Map(Object.entries(lists)), SUBSCRIPTION, client, POLL_MS)
    running.push({ client, sliding })
    const complete = new Promise<void>((resolve) => {
      sliding.on(SlidingSyncEvent.Lifecycle, (state) => {
        if (state === SlidingSyncState.Complete) resolve()
      })
    })
    await client.startClient({ slidingSync: sliding })
    await complete
    return { client, sliding }
  }

  const people = async () => {
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const room = async (name: string): Promise<string> => {
      const roomId = await bob.createRoom({ preset: 'public_chat', name, topic: `about ${name}` })
      await alice.join(roomId)
      return roomId
    }
    return { alice, bob, room }
  }

  it('shows the rooms of a list, grows the list, and hears what happens in its rooms', async () => {
    const { alice, bob, room } = await people()
    const rooms: string[] = []
    for (let made = 0; made < 5; made++) rooms.push(await room(`room ${made}`))
    const { client, sliding } = await started(alice, { all: listOf(1) })
    expect(sliding.getListData('all')?.joinedCount).toBe(5)
    expect(
      client
        .getRooms()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['room 3', 'room 4'])
    sliding.setListRanges('all', [[0, 4]])
    await newSees(client, () => client.getRooms().length === 5)
    const [first = ''] = rooms
    await bob.sendText(first, 'news')
    await newSees(client, () => newTexts(client, first).includes('news'))
    await bob.setState(first, 'm.room.name', '', { name: 'another name' })
    await newSees(client, () => client.getRoom(first)?.name === 'another name')
  })

  it('asks for more of a room by a subscription, and gets its older messages', async () => {
    const { alice, bob, room } = await people()
    const roomId = await room('long')
    for (let sent = 0; sent < 25; sent++) await bob.sendText(roomId, `message ${sent}`)
    const { client, sliding } = await started(alice, { all: listOf(0) })
    expect(newTexts(client, roomId)).toEqual(['message 24'])
    sliding.modifyRoomSubscriptions(new Set([roomId]))
    await newSees(client, () => newTexts(client, roomId).length === 20)
    expect(newTexts(client, roomId)).toEqual(Array.from({ length: 20 }, (_, sent) => `message ${sent + 5}`))
  })

  it('shows an invite, and the room when it is accepted', async () => {
    const { alice, bob } = await people()
    const { client } = await started(alice, { all: listOf(9) })
    const roomId = await bob.createRoom({ preset: 'private_chat', name: 'private', invite: [alice.userId] })
    const invited = await newSees(client, () => client.getRoom(roomId))
    expect(invited.getMyMembership()).toBe('invite')
    await client.joinRoom(roomId)
    await newMembership(client, roomId, alice.userId, 'join')
    await bob.sendText(roomId, 'welcome')
    await newSees(client, () => newTexts(client, roomId).includes('welcome'))
  })

  it('hears typing, receipts, account data, tags and messages between devices by its extensions', async () => {
    const { alice, bob, room } = await people()
    const roomId = await room('busy')
    const carol = await homeserver.register('carol')
    await carol.join(roomId)
    const { client } = await started(alice, { all: listOf(9, { timeline_limit: 10 }) })
    await bob.typing(roomId, 60_000)
    await newSees(client, () => client.getRoom(roomId)?.getMember(bob.userId)?.typing === true)
    const eventId = await bob.sendText(roomId, 'read this')
    const eventOf = () => client.getRoom(roomId)?.findEventById(eventId)
    await newSees(client, eventOf)
    await carol.receipt(roomId, eventId)
    await vi.waitUntil(
      () =>
        client
          .getRoom(roomId)
          ?.getUsersReadUpTo(eventOf() as never)
          .includes(carol.userId),
      SOON,
    )
    await alice.put(`/v3/user/${alice.userId}/account_data/org.example.a`, { a: 1 })
    await vi.waitUntil(() => client.getAccountData('org.example.a' as never)?.getContent().a === 1, SOON)
    await alice.put(`/v3/user/${alice.userId}/rooms/${roomId}/tags/m.favourite`, { order: 0.5 })
    await vi.waitUntil(() => client.getRoom(roomId)?.tags['m.favourite']?.order === 0.5, SOON)
    const told = new Promise((resolve) => client.on('toDeviceEvent' as never, resolve as never))
    await bob.put('/v3/sendToDevice/org.example.told/t', { messages: { [alice.userId]: { '*': { word: 'hello' } } } })
    expect(((await told) as { getContent(): unknown }).getContent()).toEqual({ word: 'hello' })
    await client.sendReadReceipt(eventOf() as never, ReceiptType.Read)
    await vi.waitUntil(() => client.getRoom(roomId)?.hasUserReadEvent(alice.userId, eventId), SOON)
  })

  it('filters lists, and a room moves from one to another', async () => {
    const { alice, bob, room } = await people()
    const roomId = await room('direct')
    await room('other')
    const lists = { direct: listOf(9, { filters: { is_dm: true } }), rooms: listOf(9, { filters: { is_dm: false } }) }
    const { client, sliding } = await started(alice, lists)
    const counts = () => ['direct', 'rooms'].map((name) => sliding.getListData(name)?.joinedCount)
    expect(counts()).toEqual([0, 2])
    await alice.put(`/v3/user/${alice.userId}/account_data/m.direct`, { [bob.userId]: [roomId] })
    await newSees(client, () => counts().join() === '1,1')
  })

  it('works beside others of the same device under other names', async () => {
    const { alice, bob, room } = await people()
    const [one, other] = [await room('one'), await room('other')]
    const named = (connId: string) => {
      const client = clientOf(alice)
      const plain = client.slidingSync.bind(client)
      client.slidingSync = (request, url, signal) =>
        plain({ ...request, conn_id: connId } as typeof request, url, signal)
      const sliding = new SlidingSync(homeserver.url, new Map(), SUBSCRIPTION, client, POLL_MS)
      sliding.modifyRoomSubscriptions(new Set([connId === 'one' ? one : other]))
      const seen: string[] = []
      sliding.on(SlidingSyncEvent.RoomData, async (roomId, { timeline }) => {
        for (const { content } of timeline)
          if (content.body !== undefined) seen.push(`${roomId === one ? 'one' : 'other'}: ${content.body}`)
      })
      running.push({ client, sliding })
      void sliding.start()
      return { seen, next: (text: string) => vi.waitUntil(() => seen.includes(text), SOON) }
    }
    await bob.sendText(one, 'first')
    await bob.sendText(other, 'first')
    const [ofOne, ofOther] = [named('one'), named('other')]
    await Promise.all([ofOne.next('one: first'), ofOther.next('other: first')])
    expect([ofOne.seen, ofOther.seen]).toEqual([['one: first'], ['other: first']])
  })
})
