import { expect, it } from 'vitest'
import type { Json, TestClient } from '../support/client.ts'
import { onEveryHomeserver } from '../support/homeserver.ts'

const SYNC = '/unstable/org.matrix.simplified_msc3575/sync'
const POLL_MS = 30_000

/** State that matrix-rust-sdk asks for of each room in its list. */
const LIST_STATE = [
  ['m.room.name', ''],
  ['m.room.encryption', ''],
  ['m.room.member', '$LAZY'],
  ['m.room.member', '$ME'],
  ['m.room.topic', ''],
  ['m.room.avatar', ''],
  ['m.room.canonical_alias', ''],
  ['m.room.power_levels', ''],
  ['org.matrix.msc3401.call.member', '*'],
  ['m.room.join_rules', ''],
  ['m.room.tombstone', ''],
  ['m.room.create', ''],
  ['m.room.history_visibility', ''],
  ['io.element.functional_members', ''],
  ['m.space.parent', '*'],
  ['m.space.child', '*'],
  ['org.matrix.msc3672.beacon_info', '*'],
]
const ROOM_STATE = [...LIST_STATE, ['m.room.pinned_events', '']]

const EXTENSIONS = {
  account_data: { enabled: true },
  receipts: { enabled: true, rooms: ['*'] },
  typing: { enabled: true },
  'io.element.msc4308.thread_subscriptions': { enabled: true, limit: 10 },
}

/** One of the three connections that Element X has. */
class Connection {
  readonly #client: TestClient
  readonly #id: string
  pos: string | undefined

  constructor(client: TestClient, id: string) {
    this.#client = client
    this.#id = id
  }

  async next(body: Json, timeout = 0): Promise<Json> {
    const query = { timeout, ...(this.pos === undefined ? {} : { pos: this.pos }) }
    const sent = { conn_id: this.#id, ...body }
    const { status, body: answer } = await this.#client.request('POST', SYNC, { query, body: sent })
    expect([status, answer.errcode], `${this.#id} from ${this.pos}`).toEqual([200, undefined])
    this.pos = answer.pos
    return answer
  }
}

const listTo = (end: number, subscriptions: Json = {}): Json => ({
  lists: { all_rooms: { ranges: [[0, end]], timeline_limit: 1, required_state: LIST_STATE, filters: {} } },
  room_subscriptions: subscriptions,
  extensions: EXTENSIONS,
})

/** As matrix-rust-sdk goes on: by at most so many rooms, up to the last one. */
const STEP = 100
const nextEnd = (end: number, count: number): number => Math.min(end + STEP, count - 1)

onEveryHomeserver('the requests of Element X', (start) => {
  it('fill the room list, hold its keys and read what a push tells of', async () => {
    await using homeserver = await start()
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const versions = await alice.get('/versions')
    expect(versions.unstable_features).toHaveProperty(['org.matrix.simplified_msc3575'], true)
    const rooms: string[] = []
    for (let made = 0; made < 25; made++)
      rooms.push(await alice.createRoom({ preset: 'public_chat', name: `room ${made}` }))
    const [roomId = ''] = rooms
    await bob.join(roomId)
    await bob.setState(roomId, 'm.room.member', bob.userId, { membership: 'join', displayname: 'Bob' })

    const list = new Connection(alice, 'room-list')
    const first = await list.next(listTo(19))
    expect([first.lists.all_rooms.count, Object.keys(first.rooms).length]).toEqual([25, 20])
    for (const room of Object.values<Json>(first.rooms)) {
      expect(room).toMatchObject({ initial: true, name: expect.any(String), joined_count: expect.any(Number) })
      expect(room.bump_stamp).toBeGreaterThan(0)
      expect(room.timeline).toHaveLength(1)
      const types = room.required_state.map(({ type }: Json) => type)
      expect(types).toEqual(expect.arrayContaining(['m.room.create', 'm.room.member', 'm.room.power_levels']))
    }
    const grown = await list.next(listTo(nextEnd(19, 25)))
    expect(Object.keys({ ...first.rooms, ...grown.rooms }).sort()).toEqual([...rooms].sort())

    const keys = new Connection(alice, 'encryption')
    const e2ee = { extensions: { to_device: { enabled: true }, e2ee: { enabled: true } } }
    const { extensions } = await keys.next(e2ee)
    expect(extensions).toEqual({
      to_device: { next_batch: expect.any(String), events: [] },
      e2ee: { device_one_time_keys_count: { signed_curve25519: 0 }, device_unused_fallback_key_types: [] },
    })

    const listWaits = list.next(listTo(24), POLL_MS)
    const since = extensions.to_device.next_batch
    const keysWait = keys.next({ extensions: { ...e2ee.extensions, to_device: { enabled: true, since } } }, POLL_MS)
    await bob.sendText(roomId, 'hello')
    const heard = await listWaits
    expect(heard.rooms[roomId]).toMatchObject({ num_live: 1, timeline: [{ content: { body: 'hello' } }] })
    await bob.put('/v3/sendToDevice/m.room_key/t', { messages: { [alice.userId]: { '*': { key: 'k' } } } })
    expect((await keysWait).extensions.to_device.events).toHaveLength(1)

    // A room is opened: the list waits again, and more of the room comes at once.
    const opened = await list.next(
      listTo(24, { [roomId]: { timeline_limit: 20, required_state: ROOM_STATE } }),
      POLL_MS,
    )
    expect(opened.rooms[roomId].timeline.length).toBeGreaterThan(1)
    expect(opened.rooms[roomId].unstable_expanded_timeline).toBe(true)
  })

  it('of a push are a connection for once, and take nothing from the others', async () => {
    await using homeserver = await start()
    const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
    const roomId = await bob.createRoom({ preset: 'public_chat' })
    await alice.join(roomId)
    const list = new Connection(alice, 'room-list')
    await list.next(listTo(19))
    await bob.sendText(roomId, 'pushed')
    const invitedTo = await bob.createRoom({ preset: 'private_chat', invite: [alice.userId] })
    for (let push = 0; push < 3; push++) {
      const push_ = new Connection(alice, 'notifications')
      const answer = await push_.next(
        {
          lists: {
            invites: { ranges: [[0, 16]], timeline_limit: 8, required_state: LIST_STATE, filters: { is_invite: true } },
          },
          room_subscriptions: { [roomId]: { timeline_limit: 16, required_state: ROOM_STATE } },
          extensions: {},
        },
        1_000,
      )
      expect(answer.rooms[roomId].timeline.at(-1).content.body).toBe('pushed')
      expect(answer.lists.invites.count).toBe(1)
      expect(answer.rooms[invitedTo].invite_state.length).toBeGreaterThan(0)
    }
    const next = await list.next(listTo(19))
    expect(next.rooms[roomId].timeline.at(-1).content.body).toBe('pushed')
    expect(Object.keys(next.rooms).sort()).toEqual([roomId, invitedTo].sort())
  })

  it('go on after the app slept: from its position, by the small range, and up again', async () => {
    await using homeserver = await start()
    const alice = await homeserver.register('alice')
    const rooms: string[] = []
    for (let made = 0; made < 23; made++) rooms.push(await alice.createRoom({ preset: 'public_chat' }))
    const list = new Connection(alice, 'room-list')
    await list.next(listTo(19))
    await list.next(listTo(22))
    await homeserver.restart()
    const [oldest = ''] = rooms
    await alice.sendText(oldest, 'while it slept')
    const small = await list.next(listTo(19))
    expect(Object.keys(small.rooms)).toEqual([oldest])
    expect(small.rooms[oldest].timeline.at(-1).content.body).toBe('while it slept')
    expect((await list.next(listTo(nextEnd(19, 23)))).rooms).toEqual({})
  })
})
