import { describe, expect, it, vi } from 'vitest'
import { type Json, PASSWORD, type TestClient } from '../../../support/client.ts'
import { longestStepMs } from '../../../support/event-loop.ts'
import type { PeerAnswer } from '../../../support/federation-peer/requests.ts'
import { joinRoom, leaveRoom } from '../../../support/federation-peer/visitor.ts'
import { DATABASES, enc, HOME, startAsking } from './asking.ts'

const settingOf = (visibility: string) => ({
  type: 'm.room.history_visibility',
  state_key: '',
  content: { history_visibility: visibility },
})

const createRoom = async (user: TestClient, visibility: string): Promise<string> => {
  const made = await user.post('/v3/createRoom', { preset: 'public_chat', initial_state: [settingOf(visibility)] })
  return made.room_id
}

let sent = 0
const say = async (user: TestClient, roomId: string, body: string): Promise<string> => {
  const path = `/v3/rooms/${roomId}/send/m.room.message/t${sent++}`
  return (await user.put(path, { msgtype: 'm.text', body })).event_id
}

const sayAll = async (user: TestClient, roomId: string, bodies: readonly string[]): Promise<string[]> => {
  const ids: string[] = []
  for (const body of bodies) ids.push(await say(user, roomId, body))
  return ids
}

const bodiesOf = (answer: PeerAnswer, list = 'pdus'): (string | undefined)[] =>
  answer.body[list].filter(({ type }: Json) => type === 'm.room.message').map(({ content }: Json) => content.body)

describe.each(DATABASES)('events of a room for a server that is in it, on %s', (database) => {
  it('are given one by one, with the state before them and the events that authorise them', async () => {
    await using asking = await startAsking({ database })
    const { home, peer, ask } = asking
    const alice = await home.register('alice')
    const roomId = await createRoom(alice, 'shared')
    const room = await joinRoom(peer, HOME, roomId)
    const [first = ''] = await sayAll(alice, roomId, ['first'])
    const topic = await alice.put(`/v3/rooms/${roomId}/state/m.room.topic/`, { topic: 'new' })
    const last = await say(alice, roomId, 'last')

    const one = await ask(`/event/${enc(first)}`)
    expect(one.body).toMatchObject({ origin: HOME })
    expect(one.body.pdus.map((pdu: Json) => room.read(pdu).eventId)).toEqual([first])
    expect(bodiesOf(one)).toEqual(['first'])

    const idsAt = async (eventId: string) => (await ask(`/state_ids/${enc(roomId)}?event_id=${enc(eventId)}`)).body
    const [before, after] = [await idsAt(topic.event_id), await idsAt(last)]
    expect(before.pdu_ids).not.toContain(topic.event_id)
    expect(new Set(after.pdu_ids)).toEqual(new Set([...before.pdu_ids, topic.event_id]))
    const { body: state } = await ask(`/state/${enc(roomId)}?event_id=${enc(last)}`)
    const idsOf = (pdus: Json[]) => new Set(pdus.map((pdu) => room.read(pdu).eventId as string))
    expect(idsOf(state.pdus)).toEqual(new Set(after.pdu_ids))
    expect(idsOf(state.auth_chain)).toEqual(new Set(after.auth_chain_ids))
    const now = await alice.get(`/v3/rooms/${roomId}/state`)
    expect(new Set(after.pdu_ids)).toEqual(new Set(now.map(({ event_id }: Json) => event_id)))

    const { body: auth } = await ask(`/event_auth/${enc(roomId)}/${enc(last)}`)
    const types = new Set(auth.auth_chain.map(({ type }: Json) => type))
    // The room's id says which its create event is, and the creator's own join needs nothing but that.
    expect(types).toEqual(new Set(['m.room.power_levels', 'm.room.member']))
    expect((await ask(`/event/${enc('$unknown')}`)).status).toBe(404)
    expect((await ask(`/state/${enc(roomId)}?event_id=${enc('$unknown')}`)).status).toBe(404)
    expect((await ask(`/state/${enc(roomId)}`)).status).toBe(400)
  })

  it('are given back from an event, and between two, no more than were asked for', async () => {
    await using asking = await startAsking({ database })
    const { home, peer, ask } = asking
    const alice = await home.register('alice')
    const roomId = await createRoom(alice, 'shared')
    await joinRoom(peer, HOME, roomId)
    const ids = await sayAll(
      alice,
      roomId,
      Array.from({ length: 12 }, (_, index) => `m${index}`),
    )
    const back = await ask(`/backfill/${enc(roomId)}?v=${enc(ids[9] ?? '')}&limit=5`)
    expect(bodiesOf(back)).toEqual(['m9', 'm8', 'm7', 'm6', 'm5'])
    const all = await ask(`/backfill/${enc(roomId)}?v=${enc(ids[11] ?? '')}&limit=1000`)
    expect(all.body.pdus.at(-1)).toMatchObject({ type: 'm.room.create' })
    expect(all.body.pdus.length).toBeLessThanOrEqual(100)
    expect((await ask(`/backfill/${enc(roomId)}?v=${enc('$unknown')}&limit=5`)).body.pdus).toEqual([])

    const uri = `/_matrix/federation/v1/get_missing_events/${enc(roomId)}`
    const gap = async (more: object) =>
      bodiesOf(
        await peer.request(HOME, {
          method: 'POST',
          uri,
          body: { earliest_events: [ids[2] ?? ''], latest_events: [ids[8] ?? ''], ...more },
        }),
        'events',
      )
    expect(await gap({})).toEqual(['m3', 'm4', 'm5', 'm6', 'm7'])
    expect(await gap({ limit: 2 })).toEqual(['m6', 'm7'])
    expect(await gap({ latest_events: [], limit: 2 })).toEqual([])
    expect(await gap({ min_depth: 1_000 })).toEqual([])
    expect((await peer.request(HOME, { method: 'POST', uri, body: { latest_events: 'x' } })).status).toBe(400)
  })

  it('show a server nothing that was said before it was let see it, but that something was', async () => {
    await using asking = await startAsking({ database })
    const { home, peer, ask } = asking
    const alice = await home.register('alice')
    const roomId = await createRoom(alice, 'joined')
    await alice.put(`/v3/rooms/${roomId}/state/m.room.topic/`, { topic: 'old and secret' })
    const secret = await say(alice, roomId, 'secret')
    await alice.put(`/v3/rooms/${roomId}/state/m.room.topic/`, { topic: 'new' })
    const room = await joinRoom(peer, HOME, roomId)
    const open = await say(alice, roomId, 'open')

    const hidden = await ask(`/event/${enc(secret)}`)
    expect(bodiesOf(hidden)).toEqual([undefined])
    // The redacted form has the same id and signatures.
    expect(room.read(hidden.body.pdus[0]).eventId).toBe(secret)
    expect(bodiesOf(await ask(`/event/${enc(open)}`))).toEqual(['open'])
    const back = await ask(`/backfill/${enc(roomId)}?v=${enc(open)}&limit=100`)
    expect(bodiesOf(back)).toEqual(['open', undefined])
    expect(JSON.stringify(back.body)).not.toContain('secret')
    const uri = `/_matrix/federation/v1/get_missing_events/${enc(roomId)}`
    const body = { earliest_events: [], latest_events: [open], limit: 50 }
    expect((await peer.request(HOME, { method: 'POST', uri, body })).text).not.toContain('secret')
    const state = await ask(`/state/${enc(roomId)}?event_id=${enc(secret)}`)
    expect(state.text).not.toContain('old and secret')
    expect(state.body.pdus.some(({ type }: Json) => type === 'm.room.topic')).toBe(true)
    expect((await ask(`/state/${enc(roomId)}?event_id=${enc(open)}`)).text).toContain('"new"')
    const nearest = await ask(`/timestamp_to_event/${enc(roomId)}?ts=0&dir=f`)
    expect(nearest.body.event_id).not.toBe(secret)
  })

  it('are near to a time in one direction or the other', async () => {
    await using asking = await startAsking({ database })
    const { home, peer, ask } = asking
    const alice = await home.register('alice')
    const roomId = await createRoom(alice, 'shared')
    await joinRoom(peer, HOME, roomId)
    const last = await say(alice, roomId, 'last')
    const { origin_server_ts: ts } = await alice.get(`/v3/rooms/${roomId}/event/${enc(last)}`)
    const path = `/timestamp_to_event/${enc(roomId)}`
    expect((await ask(`${path}?ts=${ts + 1_000}&dir=b`)).body).toEqual({ event_id: last, origin_server_ts: ts })
    expect((await ask(`${path}?ts=${ts + 1_000}&dir=f`)).status).toBe(404)
    expect((await ask(`${path}?ts=1&dir=x`)).status).toBe(400)
    expect((await ask(`${path}?ts=0&dir=f`)).body.origin_server_ts).toBeLessThanOrEqual(ts)
  })
})

describe('a server that is in a room no more', () => {
  it('is told nothing once its last user has left, or the ACL shuts it out', async () => {
    await using asking = await startAsking()
    const { home, peer, ask } = asking
    const alice = await home.register('alice')
    const [left, shut] = [await createRoom(alice, 'shared'), await createRoom(alice, 'shared')]
    const room = await joinRoom(peer, HOME, left)
    await joinRoom(peer, HOME, shut)
    const [one, other] = [await say(alice, left, 'one'), await say(alice, shut, 'other')]
    expect((await ask(`/event/${enc(one)}`)).status).toBe(200)
    expect((await ask(`/event/${enc(other)}`)).status).toBe(200)
    await leaveRoom(peer, HOME, room)
    await alice.put(`/v3/rooms/${shut}/state/m.room.server_acl/`, { allow: ['*'], deny: ['PEER.example'] })
    for (const [roomId, eventId] of [
      [left, one],
      [shut, other],
    ] as const)
      for (const path of [
        `/event/${enc(eventId)}`,
        `/state/${enc(roomId)}?event_id=${enc(eventId)}`,
        `/state_ids/${enc(roomId)}?event_id=${enc(eventId)}`,
        `/event_auth/${enc(roomId)}/${enc(eventId)}`,
        `/backfill/${enc(roomId)}?v=${enc(eventId)}&limit=1`,
        `/timestamp_to_event/${enc(roomId)}?ts=0&dir=f`,
      ])
        expect(await ask(path)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
  })
})

describe('what is not for other servers', () => {
  it('is an event that was refused, which is gone through all the same', async () => {
    await using asking = await startAsking()
    const { home, peer, ask } = asking
    const alice = await home.register('alice')
    const roomId = await createRoom(alice, 'shared')
    const room = await joinRoom(peer, HOME, roomId)
    const message = { type: 'm.room.message', content: { msgtype: 'm.text', body: 'after' } }
    // The peer takes what it forged for allowed; its message does not refer to it as an authorisation.
    const auth = room.build(message).event.authEvents
    const forged = room.send({ type: 'm.room.power_levels', stateKey: '', content: { users: {} } })
    const after = room.send({ ...message, auth })
    await peer.sendTransaction(HOME, [forged.pdu, after.pdu])
    await vi.waitUntil(async () => (await ask(`/event/${enc(after.eventId)}`)).status === 200, { timeout: 20_000 })
    expect((await ask(`/event/${enc(forged.eventId)}`)).status).toBe(404)
    expect((await ask(`/state/${enc(roomId)}?event_id=${enc(forged.eventId)}`)).status).toBe(404)
    const { body } = await ask(`/backfill/${enc(roomId)}?v=${enc(after.eventId)}&limit=100`)
    const ids = body.pdus.map((pdu: Json) => room.read(pdu).eventId)
    expect(ids).toContain(after.eventId)
    expect(ids).not.toContain(forged.eventId)
    expect(body.pdus.at(-1)).toMatchObject({ type: 'm.room.create' })
  })

  it('is what somebody said whose content was erased before they came', async () => {
    await using asking = await startAsking()
    const { home, peer, ask } = asking
    const [alice, bob] = [await home.register('alice'), await home.register('bob')]
    const roomId = await createRoom(alice, 'shared')
    await bob.post(`/v3/join/${enc(roomId)}`)
    const [old] = [await say(bob, roomId, 'personal')]
    await joinRoom(peer, HOME, roomId)
    const heard = await say(bob, roomId, 'heard by them')
    await bob.post('/v3/account/deactivate', {
      erase: true,
      auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: bob.userId }, password: PASSWORD },
    })
    expect(bodiesOf(await ask(`/event/${enc(old)}`))).toEqual([undefined])
    expect(bodiesOf(await ask(`/event/${enc(heard)}`))).toEqual(['heard by them'])
  })
})

describe('a large state', () => {
  it('is sent while it is made, whole, and nobody waits for it', async () => {
    await using asking = await startAsking()
    const { home, peer, ask } = asking
    const alice = await home.register('alice')
    const entries = Array.from({ length: 2_000 }, (_, index) => ({
      type: 'org.example.entry',
      state_key: `${index}`,
      content: { text: 'x'.repeat(200) },
    }))
    const made = await alice.ok('POST', '/v3/createRoom', {
      body: { preset: 'public_chat', initial_state: entries.slice(0, 100) },
    })
    const roomId = made.room_id
    for (const { state_key: key, content } of entries.slice(100))
      await alice.put(`/v3/rooms/${roomId}/state/org.example.entry/${key}`, content)
    const room = await joinRoom(peer, HOME, roomId)
    const last = await say(alice, roomId, 'last')
    let answer: PeerAnswer | undefined
    const stepMs = await longestStepMs(async () => {
      answer = await ask(`/state/${enc(roomId)}?event_id=${enc(last)}`)
    })
    const keys = new Set(answer?.body.pdus.map((pdu: Json) => `${pdu.type} ${pdu.state_key}`))
    expect(keys.size).toBe(answer?.body.pdus.length)
    for (const { state_key: key } of entries) expect(keys.has(`org.example.entry ${key}`)).toBe(true)
    const ids = await ask(`/state_ids/${enc(roomId)}?event_id=${enc(last)}`)
    expect(new Set(answer?.body.pdus.map((pdu: Json) => room.read(pdu).eventId))).toEqual(new Set(ids.body.pdu_ids))
    // The peer that asks runs in this process too, and reads the answer in one step of its own.
    expect(stepMs).toBeLessThan(150)
  })
})
