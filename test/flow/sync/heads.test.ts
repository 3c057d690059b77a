import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const KINDS = [
  ...['message', 'edit', 'redaction', 'redaction of state', 'topic', 'name', 'visibility'],
  ...['kick', 'ban', 'leave', 'join', 'invite', 'ignore', 'nothing'],
] as const
type Kind = (typeof KINDS)[number]
const steps = fc.array(fc.record({ by: fc.nat(2), kind: fc.constantFrom<Kind>(...KINDS), pick: fc.nat(7) }), {
  minLength: 2,
  maxLength: 7,
})

const FILTERS = [
  { room: { timeline: { limit: 3 }, state: { lazy_load_members: true } } },
  { room: { timeline: { limit: 20 } } },
  { room: { timeline: { limit: 3, types: ['m.room.message'] }, include_leave: true } },
].map((filter) => JSON.stringify({ ...filter, presence: { types: [] } }))

const VISIBILITIES = ['invited', 'joined', 'shared', 'world_readable']

/** What was told of rooms, but for what changes with time alone. The order within a state means nothing. */
const told = ({ rooms }: Json): Json => {
  const plain = JSON.parse(JSON.stringify(rooms, (key, value) => (key === 'age' ? undefined : value)))
  for (const room of [...Object.values<Json>(plain.join), ...Object.values<Json>(plain.leave)])
    room.state.events.sort((one: Json, other: Json) => (one.event_id < other.event_id ? -1 : 1))
  return plain
}

describe('first syncs', () => {
  let homeserver: TestHomeserver
  let people: [TestClient, TestClient, TestClient]
  beforeAll(async () => {
    homeserver = await startHomeserver()
    const [ann, ben, cat] = await Promise.all(['ann', 'ben', 'cat'].map((name) => homeserver.register(name)))
    people = [ann, ben, cat] as [TestClient, TestClient, TestClient]
  })
  afterAll(() => homeserver.stop())

  const firstSyncs = async (): Promise<readonly Json[]> => {
    const answers: Json[] = []
    for (const reader of people) for (const filter of FILTERS) answers.push(told(await reader.sync({ filter })))
    return answers
  }

  const act = async (roomId: string, { by, kind, pick }: { by: number; kind: Kind; pick: number }, sent: string[]) => {
    const [ann, ben, cat] = people
    const actor = people[by] as TestClient
    const room = `/v3/rooms/${encodeURIComponent(roomId)}`
    const target = sent[pick % sent.length] ?? ''
    const other = [ben, cat][pick % 2] as TestClient
    const state = (type: string, content: Json) => ann.setState(roomId, type, '', content)
    switch (kind) {
      case 'message':
        sent.push(await ann.sendText(roomId, `message ${sent.length}`))
        return
      case 'edit':
        await ann.send(roomId, 'm.room.message', {
          ...{ msgtype: 'm.text', body: 'edited' },
          'm.relates_to': { rel_type: 'm.replace', event_id: target },
          'm.new_content': { msgtype: 'm.text', body: 'edited' },
        })
        return
      case 'redaction':
        await ann.redact(roomId, target)
        return
      case 'redaction of state':
        await ann.redact(roomId, await ann.setState(roomId, 'm.room.topic', '', { topic: `soon gone ${pick}` }))
        return
      case 'topic':
        await state('m.room.topic', { topic: `topic ${pick}` })
        return
      case 'name':
        await state('m.room.name', { name: `name ${pick}` })
        return
      case 'visibility':
        await state('m.room.history_visibility', { history_visibility: VISIBILITIES[pick % VISIBILITIES.length] })
        return
      case 'kick':
      case 'ban':
      case 'invite':
        await ann.request('POST', `${room}/${kind}`, { body: { user_id: other.userId } })
        return
      case 'leave':
        await other.request('POST', `${room}/leave`, { body: {} })
        return
      case 'join':
        await other.request('POST', `/v3/join/${encodeURIComponent(roomId)}`, { body: {} })
        return
      case 'ignore':
        await actor.put(`/v3/user/${actor.userId}/account_data/m.ignored_user_list`, {
          ignored_users: pick % 2 === 0 || actor === ann ? {} : { [ann.userId]: {} },
        })
        return
      case 'nothing':
    }
  }

  it('asked again and again tell what they tell after a restart, whatever happened in between', async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), steps, async (isNew, script) => {
        const [ann, ben, cat] = people
        const roomId = await ann.createRoom({ preset: 'public_chat', name: 'A room' })
        const sent = [await ann.sendText(roomId, 'first')]
        if (!isNew) for (let more = 0; more < 5; more++) sent.push(await ann.sendText(roomId, `old ${more}`))
        await ben.join(roomId)
        sent.push(await ann.sendText(roomId, 'second'))
        await cat.join(roomId)
        for (const step of script) {
          await firstSyncs()
          await firstSyncs()
          await act(roomId, step, sent)
        }
        await firstSyncs()
        const again = await firstSyncs()
        await homeserver.restart()
        expect(again).toEqual(await firstSyncs())
        for (const one of people)
          await one.request('POST', `/v3/rooms/${encodeURIComponent(roomId)}/leave`, { body: {} })
        for (const one of people)
          await one.request('POST', `/v3/rooms/${encodeURIComponent(roomId)}/forget`, { body: {} })
      }),
      { numRuns: 20 },
    )
  }, 240_000)

  it('show newcomers, and those who came back, what /messages shows them, with the membership of the time', async () => {
    const [ann, ben] = people
    await ben.put(`/v3/user/${ben.userId}/account_data/m.ignored_user_list`, { ignored_users: {} })
    for (const visibility of VISIBILITIES) {
      for (const comesBack of [false, true]) {
        const roomId = await ann.createRoom({ preset: 'public_chat' })
        await ann.setState(roomId, 'm.room.history_visibility', '', { history_visibility: visibility })
        await ann.sendText(roomId, 'before')
        if (comesBack) {
          await ben.join(roomId)
          await ann.sendText(roomId, 'in between')
          await ben.leave(roomId)
          await ann.sendText(roomId, 'while away')
        }
        await ben.join(roomId)
        await ann.sendText(roomId, 'after')
        const seen = ({ event_id: id, unsigned }: Json): Json => [id, unsigned.membership, unsigned.prev_content]
        const { chunk } = await ben.messages(roomId, { dir: 'b', limit: 30 })
        for (const filter of [{ room: { timeline: { limit: 30 } } }, { room: { timeline: { limit: 4 } } }]) {
          const { rooms } = await ben.sync({ filter: JSON.stringify(filter) })
          const { events, limited } = rooms.join[roomId].timeline
          const isInForce = ({ state_key: key }: Json): boolean => key !== undefined
          // State in force is shown whenever it was sent: it is told to members anyway.
          const messages = (list: Json[]): Json[] => list.filter((event) => !isInForce(event)).map(seen)
          const expected = messages(chunk).reverse()
          const shown = messages(events)
          expect(shown.length).toBeGreaterThan(0)
          expect(shown).toEqual(limited ? expected.slice(-shown.length) : expected)
          const both = new Map(chunk.map((event: Json) => [event.event_id, seen(event)]))
          for (const event of events.filter(({ event_id: id }: Json) => both.has(id)))
            expect(seen(event)).toEqual(both.get(event.event_id))
        }
        for (const one of [ben, ann]) await one.leave(roomId)
      }
    }
  })

  it('count what came since one joined, and not since one changed one’s name in the room', async () => {
    const [ann, ben] = people
    await ben.put(`/v3/user/${ben.userId}/account_data/m.ignored_user_list`, { ignored_users: {} })
    const roomId = await ann.createRoom({ preset: 'public_chat' })
    await ben.join(roomId)
    for (const text of ['one', 'two']) await ann.sendText(roomId, text)
    await ben.setState(roomId, 'm.room.member', ben.userId, { membership: 'join', displayname: 'Another name' })
    await ann.sendText(roomId, 'three')
    await homeserver.restart()
    const { rooms } = await ben.sync({ filter: JSON.stringify({ room: { rooms: [roomId] } }) })
    expect(rooms.join[roomId].unread_notifications.notification_count).toBe(3)
  })
})
