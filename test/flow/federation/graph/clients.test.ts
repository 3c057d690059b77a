import { expect, it } from 'vitest'
import type { Json } from '../../../support/client.ts'
import { openScene, sendEvents, text, until, untilBody } from '../receiving/scene.ts'

const MOD = '@mod:peer.example'
const pathOf = (roomId: string, rest: string): string =>
  `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/${rest}`
const topicsIn = (section: Json): readonly string[] =>
  section.events.filter(({ type }: Json) => type === 'm.room.topic').map(({ content }: Json) => content.topic)

/** A room with a moderator of the peer, and the topic `first`. */
const openModerated = async () => {
  const scene = await openScene()
  const { alice, roomId, room } = scene
  const join = room.send({ type: 'm.room.member', stateKey: MOD, sender: MOD, content: { membership: 'join' } })
  await sendEvents(scene, [join])
  const joined = () => alice.ok('GET', pathOf(roomId, 'joined_members'))
  await until(joined, (answer) => MOD in answer.joined)
  const levels = await alice.ok('GET', pathOf(roomId, 'state/m.room.power_levels/'))
  const users = { ...levels.users, [room.sender]: 100, [MOD]: 50 }
  await alice.ok('PUT', pathOf(roomId, 'state/m.room.power_levels/'), { body: { ...levels, users } })
  await alice.ok('PUT', pathOf(roomId, 'state/m.room.topic/'), { body: { topic: 'first' } })
  const told = await scene.peer.pduWhich(
    ({ type, sender }: Json) => type === 'm.room.power_levels' && sender === alice.userId,
  )
  room.receive(told)
  const first = room.receive(await scene.peer.pduWhich(({ content }: Json) => content.topic === 'first'))
  return { ...scene, fork: { prev: [first.eventId] } }
}

it('state that resolution brings back reaches clients at the event by which it came about', async () => {
  await using scene = await openModerated()
  const { alice, roomId, room, fork } = scene
  const since = (await alice.sync({})).next_batch
  const changed = room.send({ ...fork, type: 'm.room.topic', stateKey: '', sender: MOD, content: { topic: 'second' } })
  await sendEvents(scene, [changed])
  const topic = async () => (await alice.ok('GET', pathOf(roomId, 'state/m.room.topic/'))).topic
  await until(topic, (found) => found === 'second')
  const between = (await alice.sync({})).next_batch
  const ban = room.send({ ...fork, type: 'm.room.member', stateKey: MOD, content: { membership: 'ban' } })
  await sendEvents(scene, [ban])
  await until(topic, (found) => found === 'first')
  const whole = (await alice.sync({ use_state_after: true })).rooms.join[roomId]
  expect(topicsIn(whole.state_after)).toEqual(['first'])
  for (const from of [since, between]) {
    const part = (await alice.sync({ since: from, use_state_after: true })).rooms.join[roomId]
    expect(topicsIn(part.state_after)).toEqual(['first'])
    expect(part.timeline.events.at(-1).event_id).toBe(ban.eventId)
  }
  await alice.ok('PUT', pathOf(roomId, 'send/m.room.message/join'), { body: text('both branches').content })
  expect(await topic()).toBe('first')
})

it('events that join branches are shown to nobody, and a depth that is not true puts no message out of order', async () => {
  await using scene = await openScene()
  const { alice, roomId, room } = scene
  await sendEvents(scene, [room.send(text('one', { depth: 2 ** 53 - 1 }))])
  await untilBody(alice, roomId, 'one')
  const { next_batch: since } = await alice.sync({})
  const hidden = room.send({ type: 'org.matrix.dummy_event', content: {}, depth: 9 })
  await sendEvents(scene, [hidden, room.send(text('two', { depth: 3 }))])
  await untilBody(alice, roomId, 'two')
  await alice.ok('PUT', pathOf(roomId, 'send/m.room.message/three'), { body: text('three').content })
  await sendEvents(scene, [room.send(text('four', { depth: 1 }))])
  expect(await untilBody(alice, roomId, 'four')).toEqual(['one', 'two', 'three', 'four'])
  const { timeline } = (await alice.sync({ since })).rooms.join[roomId]
  expect(timeline.events.map(({ content }: Json) => content.body)).toEqual(['two', 'three', 'four'])
  const shown = await alice.request('GET', pathOf(roomId, `event/${encodeURIComponent(hidden.eventId)}`))
  expect(shown.status).toBe(404)
})
