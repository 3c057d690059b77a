import { describe, expect, it } from 'vitest'
import type { EventId } from '#spec'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { resolveElsewhere } from '../../support/resolved-elsewhere.ts'
import { legacySync, refusal, v4Sync } from './requests.ts'

const ROOMS = 90

onEveryHomeserver('a connection that remembers many rooms', (start) => {
  it('goes on after a restart, tells no room from its beginning twice, and forgets nothing that it missed', async () => {
    await using homeserver = await start()
    const alice = await homeserver.register('alice')
    const rooms: string[] = []
    for (let index = 0; index < ROOMS; index++) rooms.push(await alice.createRoom())
    const list = (last: number) => ({ lists: { top: { range: [0, last], timeline_limit: 5, required_state: {} } } })
    let pos: string | undefined
    let before: string | undefined
    const next = async (last: number): Promise<Json> => {
      const answer = await v4Sync(alice, { ...list(last), pos })
      before = pos
      pos = answer.pos
      expect(answer.pos.length).toBeLessThan(2_500)
      return answer.rooms
    }
    for (const roomId of rooms) {
      await alice.sendText(roomId, 'up')
      expect(Object.keys(await next(0))).toEqual([roomId])
    }
    const missed = await alice.sendText(rooms[40] as string, 'missed')
    await alice.sendText(rooms[50] as string, 'covers it')
    expect(Object.keys(await next(0))).toEqual([rooms[50]])
    await homeserver.restart()
    // The answer to it may have been lost: the position before is good as well.
    await v4Sync(alice, { ...list(0), pos: before })
    const all = await next(ROOMS - 1)
    for (const room of Object.values<Json>(all)) expect(room).not.toHaveProperty('initial')
    expect(all[rooms[40] as string].timeline.at(-1).event_id).toBe(missed)
    expect(await next(ROOMS - 1)).toEqual({})
    await v4Sync(alice, list(0))
    expect(await refusal(v4Sync(alice, { ...list(0), pos }))).toEqual([400, 'M_UNKNOWN_POS'])
  })
})

describe('state that resolution changes', () => {
  it('reaches clients from the state, and what went is told as gone', async () => {
    await using homeserver = await startHomeserver()
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Named' })
    const first = await alice.setState(roomId, 'm.room.topic', '', { topic: 'first' })
    await alice.setState(roomId, 'm.room.topic', '', { topic: 'second' })
    const legacy = {
      lists: { a: { ranges: [[0, 9]], timeline_limit: 1, required_state: [['*', '']] } },
      conn_id: 'old',
    }
    const v4 = { lists: { a: { timeline_limit: 1, required_state: { include: [{ state_key: '' }] } } } }
    const [oldPos, newPos] = [(await legacySync(alice, legacy)).pos, (await v4Sync(alice, v4)).pos]
    await resolveElsewhere(homeserver.dataFolder, roomId, [
      { type: 'm.room.topic', stateKey: '', event: first as EventId },
      { type: 'm.room.name', stateKey: '', event: null },
    ])
    await alice.sendText(roomId, 'and on')
    const now = (await v4Sync(alice, { ...v4, pos: newPos })).rooms[roomId]
    expect(now).toMatchObject({ name: null, heroes: [] })
    expect(now).not.toHaveProperty('initial')
    expect(now.required_state).toContainEqual({ type: 'm.room.name', state_key: '' })
    expect(now.required_state.map(({ content }: Json) => content?.topic)).toContain('first')
    const old = (await legacySync(alice, legacy, { pos: oldPos })).rooms[roomId]
    expect(old).toMatchObject({ initial: true, heroes: [] })
    expect(old).not.toHaveProperty('name')
    expect(old.required_state.map(({ content }: Json) => content.topic)).toContain('first')
  })
})
