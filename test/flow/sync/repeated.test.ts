import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const filter = (content: object): { filter: string } => ({ filter: JSON.stringify(content) })
const LAZY = filter({ room: { timeline: { limit: 1 }, state: { lazy_load_members: true } } })
const INCLUDE_LEAVE = filter({ room: { include_leave: true } })

const membersIn = (events: Json[]): Record<string, string> =>
  Object.fromEntries(
    events
      .filter(({ type }) => type === 'm.room.member')
      .map(({ state_key, content }) => [state_key, `${content.membership} ${content.displayname ?? ''}`.trim()]),
  )
const typingIn = (room: Json): unknown =>
  room?.ephemeral.events.find(({ type }: Json) => type === 'm.typing')?.content.user_ids

describe('lazy loading and repeated syncs', () => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  let carol: TestClient
  beforeAll(async () => {
    homeserver = await startHomeserver()
  })
  afterAll(() => homeserver.stop())

  const begin = async (): Promise<string> => {
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
    carol = await homeserver.register('carol')
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Without heroes' })
    await bob.join(roomId)
    await carol.join(roomId)
    return roomId
  }

  for (const [how, syncsBetween] of [
    ['in one window', false],
    ['with a sync between', true],
  ] as const) {
    it(`bring the members who changed in the gap between leaving and coming again, ${how}`, async () => {
      const roomId = await begin()
      let { next_batch: since } = await alice.sync(filter({ room: { state: { lazy_load_members: true } } }))
      await alice.leave(roomId)
      if (syncsBetween) since = (await alice.sync({ since, ...LAZY })).next_batch
      await bob.setState(roomId, 'm.room.member', bob.userId, { membership: 'join', displayname: 'Robert' })
      await carol.leave(roomId)
      await alice.join(roomId)
      await alice.sendText(roomId, 'back again')
      const room = (await alice.sync({ since, ...LAZY })).rooms.join[roomId]
      expect(room.timeline.limited).toBe(true)
      expect(membersIn([...room.state.events, ...room.timeline.events])).toMatchObject({
        [bob.userId]: 'join Robert',
        [carol.userId]: 'leave',
      })
    })
  }

  it('asked again with the same since bring the lazy member again that the lost answer carried', async () => {
    const roomId = await begin()
    const { next_batch: since } = await alice.sync(LAZY)
    await bob.sendText(roomId, 'hello')
    const lost = await alice.sync({ since, ...LAZY })
    expect(Object.keys(membersIn(lost.rooms.join[roomId].state.events))).toEqual([bob.userId])
    const again = await alice.sync({ since, ...LAZY })
    expect(Object.keys(membersIn(again.rooms.join[roomId].state.events))).toEqual([bob.userId])
    // A member whom the lost answer carried counts as told in none of the later ones either, even if another sender hid them meanwhile.
    await carol.sendText(roomId, 'me too')
    const later = await alice.sync({ since, ...LAZY })
    await bob.sendText(roomId, 'again')
    const next = await alice.sync({ since: later.next_batch, ...LAZY })
    expect(Object.keys(membersIn(next.rooms.join[roomId].state.events))).toEqual([bob.userId])
    const last = await alice.sync({ since: next.next_batch, ...LAZY })
    await bob.sendText(roomId, 'once more')
    const known = await alice.sync({ since: last.next_batch, ...LAZY })
    expect(membersIn(known.rooms.join[roomId].state.events)).toEqual({})
  })

  it('clear typing that was told before a restart, in /sync and /events', async () => {
    const roomId = await begin()
    const { next_batch: before } = await alice.sync()
    await bob.typing(roomId, 100_000)
    const told = await alice.sync({ since: before })
    expect(typingIn(told.rooms.join[roomId])).toEqual([bob.userId])
    const stream = await alice.get('/v3/events', { from: before, timeout: 0 })
    const typingItems = ({ chunk }: Json): unknown[] =>
      chunk.filter(({ type }: Json) => type === 'm.typing').map(({ content }: Json) => content.user_ids)
    expect(typingItems(stream)).toEqual([[bob.userId]])
    // A sync without typing in between must not forget that it was told.
    await carol.sendText(roomId, 'hello')
    const { next_batch: since } = await alice.sync({ since: told.next_batch })
    await homeserver.restart()
    const cleared = await alice.sync({ since, timeout: 5_000 })
    expect(typingIn(cleared.rooms.join[roomId])).toEqual([])
    const quiet = await alice.sync({ since: cleared.next_batch })
    expect(quiet.rooms.join).toEqual({})
    expect(typingItems(await alice.get('/v3/events', { from: stream.end, timeout: 5_000 }))).toEqual([[]])
  })

  it('bring a room’s receipts, account data and typing in the incremental sync in which it is joined', async () => {
    const roomId = await begin()
    const dora = await homeserver.register('dora')
    const eventId = await alice.sendText(roomId, 'read by bob before dora comes')
    await bob.receipt(roomId, eventId)
    await bob.typing(roomId, 100_000)
    const note = `/v3/user/${encodeURIComponent(dora.userId)}/rooms/${encodeURIComponent(roomId)}/account_data/org.example.note`
    await dora.put(note, { note: 'to be joined' })
    const { next_batch: since } = await dora.sync()
    await dora.join(roomId)
    const room = (await dora.sync({ since })).rooms.join[roomId]
    const receipts = room.ephemeral.events.find(({ type }: Json) => type === 'm.receipt')
    expect(Object.keys(receipts?.content[eventId]['m.read'] ?? {})).toEqual([bob.userId])
    expect(typingIn(room)).toEqual([bob.userId])
    expect(room.account_data.events).toEqual([{ type: 'org.example.note', content: { note: 'to be joined' } }])
  })

  it('in full with include_leave bring rejected invites', async () => {
    await begin()
    const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
    await bob.leave(roomId)
    const { rooms } = await bob.sync(INCLUDE_LEAVE)
    const { timeline, state } = rooms.leave[roomId]
    expect(timeline.events.at(-1)).toMatchObject({ state_key: bob.userId, content: { membership: 'leave' } })
    expect(state.events).toEqual([])
    expect((await bob.sync()).rooms.leave).toEqual({})
  })
})
