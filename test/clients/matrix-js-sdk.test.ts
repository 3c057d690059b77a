import {
  ClientEvent,
  createClient,
  Direction,
  EventType,
  type ICreateClientOpts,
  type ISyncResponse,
  type MatrixClient,
  MatrixError,
  type MatrixEvent,
  MemoryStore,
  Preset,
  type Room,
  RoomEvent,
  RoomMemberEvent,
  SyncAccumulator,
  SyncState,
} from 'matrix-js-sdk'
import type { ISavedSync } from 'matrix-js-sdk/lib/store/index.js'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { PASSWORD, TestClient } from '../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'

/** The SDK tells all it does, in part through the console; a failing test says enough. */
for (const method of ['debug', 'info', 'log', 'trace', 'warn', 'error'] as const)
  vi.spyOn(console, method).mockImplementation(() => {})

const silent: NonNullable<ICreateClientOpts['logger']> = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  getChild: () => silent,
}

let homeserver: TestHomeserver
let alice: MatrixClient
let bob: MatrixClient
const running: MatrixClient[] = []

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await registerWithSdk('alice')
  bob = await registerWithSdk('bob')
  await Promise.all([startSyncing(alice), startSyncing(bob)])
})

afterAll(async () => {
  for (const client of running) client.stopClient()
  await homeserver.stop()
})

/** What a client keeps between two runs: all it has synced, and the token to go on from. */
class KeptStore extends MemoryStore {
  readonly #disk: SyncAccumulator

  constructor(disk: SyncAccumulator) {
    super()
    this.#disk = disk
  }

  override async setSyncData(data: ISyncResponse): Promise<void> {
    this.#disk.accumulate(data)
  }

  override async getSavedSync(): Promise<ISavedSync | null> {
    return this.#disk.getNextBatchToken() ? this.#disk.getJSON(true) : null
  }

  override async getSavedSyncToken(): Promise<string | null> {
    return this.#disk.getNextBatchToken() || null
  }
}

const makeClient = (options: Partial<ICreateClientOpts> = {}) =>
  createClient({ baseUrl: homeserver.url, logger: silent, ...options })

/** Registers as a client does: it asks, is told what is wanted, and answers. */
async function registerWithSdk(username: string): Promise<MatrixClient> {
  const anonymous = makeClient()
  const wish = { username, password: PASSWORD }
  const question = await anonymous.registerRequest(wish).then(
    () => undefined,
    (error: unknown) => (error instanceof MatrixError ? error : undefined),
  )
  expect(question?.httpStatus).toBe(401)
  const session = String(question?.data.session)
  const account = await anonymous.registerRequest({ ...wish, auth: { type: 'm.login.dummy', session } })
  return makeClient({
    userId: account.user_id,
    accessToken: account.access_token ?? '',
    deviceId: account.device_id ?? '',
  })
}

async function startSyncing(client: MatrixClient, initialSyncLimit = 10): Promise<void> {
  running.push(client)
  const prepared = new Promise<void>((resolve) => {
    client.on(ClientEvent.Sync, (state) => {
      if (state === SyncState.Prepared) resolve()
    })
  })
  await client.startClient({ initialSyncLimit })
  await prepared
}

/** Waits until `find` finds something; looks again at each event of that name, and after each sync, when all of it is in place. */
function eventually<Found>(
  client: MatrixClient,
  name: Parameters<MatrixClient['on']>[0],
  find: () => Found | undefined | null | false,
): Promise<Found> {
  const names = new Set([name, ClientEvent.Sync])
  return new Promise((resolve) => {
    const look = () => {
      const found = find()
      if (!found) return
      for (const each of names) client.off(each, look)
      resolve(found)
    }
    for (const each of names) client.on(each, look)
    look()
  })
}

const timelineOf = (client: MatrixClient, roomId: string): readonly MatrixEvent[] =>
  client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? []
const textsOf = (events: readonly MatrixEvent[]): readonly string[] =>
  events.filter((event) => event.getType() === EventType.RoomMessage).map((event) => String(event.getContent().body))

const messageArrives = (client: MatrixClient, roomId: string, text: string): Promise<MatrixEvent> =>
  eventually(client, RoomEvent.Timeline, () =>
    timelineOf(client, roomId).find(
      // Not the local echo, which has no id from the server yet.
      (event) => event.getContent().body === text && event.status === null,
    ),
  )

const knowsRoomAs = (client: MatrixClient, roomId: string, membership: string): Promise<Room> =>
  eventually(client, RoomEvent.MyMembership, () => {
    const room = client.getRoom(roomId)
    return room?.getMyMembership() === membership ? room : undefined
  })

/** A room that Alice made, Bob was invited to and has joined. */
async function sharedRoom(): Promise<string> {
  const { room_id: roomId } = await alice.createRoom({
    preset: Preset.PrivateChat,
    name: 'Tea',
    invite: [bob.getSafeUserId()],
  })
  await knowsRoomAs(bob, roomId, 'invite')
  await bob.joinRoom(roomId)
  await Promise.all([knowsRoomAs(alice, roomId, 'join'), knowsRoomAs(bob, roomId, 'join')])
  await eventually(
    alice,
    RoomMemberEvent.Membership,
    () => alice.getRoom(roomId)?.getMember(bob.getSafeUserId())?.membership === 'join',
  )
  return roomId
}

describe('matrix-js-sdk', () => {
  it('sees an invitation with the name of the room, accepts it, and both see each other joined', async () => {
    const roomId = await sharedRoom()
    expect(alice.getRoom(roomId)?.name).toBe('Tea')
    expect(bob.getRoom(roomId)?.name).toBe('Tea')
    const members = bob
      .getRoom(roomId)
      ?.getJoinedMembers()
      .map(({ userId }) => userId)
    expect(members?.toSorted()).toEqual([alice.getSafeUserId(), bob.getSafeUserId()].toSorted())
  })

  it('sends messages both ways, and recognises its own', async () => {
    const roomId = await sharedRoom()
    const { event_id: asked } = await alice.sendTextMessage(roomId, 'Tea?')
    expect((await messageArrives(bob, roomId, 'Tea?')).getId()).toBe(asked)
    await bob.sendTextMessage(roomId, 'Gladly, with 牛奶 ☕')
    await messageArrives(alice, roomId, 'Gladly, with 牛奶 ☕')
    await messageArrives(alice, roomId, 'Tea?')
    expect(textsOf(timelineOf(alice, roomId))).toEqual(['Tea?', 'Gladly, with 牛奶 ☕'])
  })

  it('shows that somebody is typing, and that they stopped', async () => {
    const roomId = await sharedRoom()
    const isBobTyping = () => alice.getRoom(roomId)?.getMember(bob.getSafeUserId())?.typing
    await bob.sendTyping(roomId, true, 20_000)
    await eventually(alice, RoomMemberEvent.Typing, () => isBobTyping() === true)
    await bob.sendTyping(roomId, false, 0)
    await eventually(alice, RoomMemberEvent.Typing, () => isBobTyping() === false)
  })

  it('shows how far somebody has read', async () => {
    const roomId = await sharedRoom()
    await alice.sendTextMessage(roomId, 'Read me')
    const seen = await messageArrives(bob, roomId, 'Read me')
    await bob.sendReadReceipt(seen)
    const readers = await eventually(alice, RoomEvent.Receipt, () => {
      const room = alice.getRoom(roomId)
      const event = room?.findEventById(seen.getId() ?? '')
      const users = event && room?.getUsersReadUpTo(event)
      return users?.includes(bob.getSafeUserId()) ? users : undefined
    })
    expect(readers).toContain(bob.getSafeUserId())
  })

  it('counts what is unread, until it is read', async () => {
    const roomId = await sharedRoom()
    await alice.sendTextMessage(roomId, 'one')
    const { event_id: last } = await alice.sendTextMessage(roomId, 'two')
    const room = await eventually(bob, ClientEvent.Sync, () => {
      const candidate = bob.getRoom(roomId)
      return candidate?.getUnreadNotificationCount() === 2 ? candidate : undefined
    })
    const event = room.findEventById(last)
    expect(event).toBeDefined()
    if (event !== undefined) await bob.sendReadReceipt(event)
    // Sync brings the count of the server; the SDK's own guess goes to 0 at once.
    await eventually(bob, ClientEvent.Sync, () => room.getUnreadNotificationCount() === 0)
  })

  it('takes a message back', async () => {
    const roomId = await sharedRoom()
    const { event_id: eventId } = await alice.sendTextMessage(roomId, 'Ouch')
    await messageArrives(bob, roomId, 'Ouch')
    await alice.redactEvent(roomId, eventId, undefined, { reason: 'slipped' })
    const redacted = await eventually(bob, RoomEvent.Redaction, () => {
      const event = bob.getRoom(roomId)?.findEventById(eventId)
      return event?.isRedacted() ? event : undefined
    })
    expect(redacted.getContent()).toEqual({})
    expect(redacted.getUnsigned().redacted_because?.content).toMatchObject({ reason: 'slipped' })
  })

  it('pages back over 500 messages, each once and in order', async () => {
    const count = 520
    const { room_id: roomId } = await alice.createRoom({ preset: Preset.PublicChat })
    const sender = new TestClient(homeserver.url)
    sender.accessToken = alice.getAccessToken() ?? undefined
    const sent: string[] = []
    for (let i = 0; i < count; i += 1) {
      await sender.sendText(roomId, `message ${i}`)
      sent.push(`message ${i}`)
    }
    const reader = await registerWithSdk('reader')
    await reader.joinRoom(roomId)
    await startSyncing(reader, 20)
    const room = await knowsRoomAs(reader, roomId, 'join')
    const timeline = room.getLiveTimeline()
    let pages = 0
    while (timeline.getPaginationToken(Direction.Backward) !== null && pages < 50) {
      await reader.paginateEventTimeline(timeline, { backwards: true, limit: 60 })
      pages += 1
    }
    expect(textsOf(timeline.getEvents())).toEqual(sent)
    expect(pages).toBeGreaterThanOrEqual(9)
    expect(timeline.getEvents()[0]?.getType()).toBe(EventType.RoomCreate)
  })

  it('goes on with an old token: nothing is missing, nothing comes twice', async () => {
    const roomId = await sharedRoom()
    const carol = await registerWithSdk('carol')
    const session = {
      userId: carol.getSafeUserId(),
      accessToken: carol.getAccessToken() ?? '',
      deviceId: carol.getDeviceId() ?? '',
    }
    const disk = new SyncAccumulator({ maxTimelineEntries: 50 })
    await alice.invite(roomId, session.userId)
    await carol.joinRoom(roomId)
    const before = makeClient({ ...session, store: new KeptStore(disk) })
    await startSyncing(before)
    await alice.sendTextMessage(roomId, 'before')
    await messageArrives(before, roomId, 'before')
    before.stopClient()
    for (const text of ['while', 'you', 'were', 'out']) await bob.sendTextMessage(roomId, text)

    const oldToken = disk.getNextBatchToken()
    const requests: URL[] = []
    const again = makeClient({
      ...session,
      store: new KeptStore(disk),
      fetchFn: (input, init) => {
        requests.push(new URL(input instanceof Request ? input.url : input))
        return fetch(input, init)
      },
    })
    await startSyncing(again)
    await messageArrives(again, roomId, 'out')
    expect(textsOf(timelineOf(again, roomId))).toEqual(['before', 'while', 'you', 'were', 'out'])
    const syncs = requests.filter(({ pathname }) => pathname.endsWith('/sync'))
    expect(syncs[0]?.searchParams.get('since')).toBe(oldToken)
  })

  it('leaves a room, and is told of nothing that happens there afterwards', async () => {
    const roomId = await sharedRoom()
    await bob.leave(roomId)
    await eventually(bob, RoomEvent.MyMembership, () => bob.getRoom(roomId)?.getMyMembership() !== 'join')
    await eventually(
      alice,
      RoomMemberEvent.Membership,
      () => alice.getRoom(roomId)?.getMember(bob.getSafeUserId())?.membership === 'leave',
    )
    await alice.sendTextMessage(roomId, 'Gone?')
    // Another room's message comes later in the stream: had the first one been for Bob, it would have come before.
    const other = await sharedRoom()
    await alice.sendTextMessage(other, 'Here')
    await messageArrives(bob, other, 'Here')
    expect(textsOf(timelineOf(bob, roomId))).not.toContain('Gone?')
  })

  it('logs out: its token ends with it', async () => {
    const dora = await registerWithSdk('dora')
    const token = dora.getAccessToken()
    await dora.logout(true)
    const answer = await homeserver.client().request('GET', '/v3/account/whoami', { token: token ?? '' })
    expect(answer.status).toBe(401)
    expect(answer.body.errcode).toBe('M_UNKNOWN_TOKEN')
  })

  it('logs in with a password on a second device, and finds its rooms there', async () => {
    const roomId = await sharedRoom()
    const session = await makeClient().loginRequest({
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'bob' },
      password: PASSWORD,
      initial_device_display_name: 'second',
    })
    expect(session.device_id).not.toBe(bob.getDeviceId())
    const second = makeClient({
      userId: session.user_id,
      accessToken: session.access_token,
      deviceId: session.device_id,
    })
    await startSyncing(second)
    expect((await knowsRoomAs(second, roomId, 'join')).name).toBe('Tea')
    const { devices } = await second.getDevices()
    expect(devices.map(({ display_name: name }) => name)).toContain('second')
  })
})
