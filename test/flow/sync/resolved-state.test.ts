import { describe, expect, it } from 'vitest'
import type { EventId } from '#spec'
import type { Json } from '../../support/client.ts'
import { startHomeserver } from '../../support/homeserver.ts'
import { resolveElsewhere } from '../../support/resolved-elsewhere.ts'

describe('state that resolution brings back at a message', () => {
  const topicIn = (section: Json): string[] =>
    section.events.filter(({ type }: Json) => type === 'm.room.topic').map(({ content }: Json) => content.topic)

  it('reaches who was there, who comes anew, and the current state', async () => {
    await using homeserver = await startHomeserver()
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const topicPath = `/v3/rooms/${roomId}/state/m.room.topic`
    const { event_id: first } = await alice.put(topicPath, { topic: 'first' })
    const { next_batch: early } = await alice.sync()
    await alice.put(topicPath, { topic: 'second' })
    const { next_batch: since } = await alice.sync()

    await resolveElsewhere(homeserver.dataFolder, roomId, [
      { type: 'm.room.topic', stateKey: '', event: first as EventId },
    ])
    await alice.sendText(roomId, 'and on')

    const later = (await alice.sync({ since })).rooms.join[roomId]
    expect(later.timeline.events.map(({ content }: Json) => content.body)).toEqual(['the branches meet', 'and on'])
    expect(later.timeline.limited).toBe(false)
    expect(topicIn(later.state)).toEqual(['first'])
    // The timeline itself has the topic that lost.
    const lost = (await alice.sync({ since: early, use_state_after: true })).rooms.join[roomId]
    expect(topicIn(lost.timeline)).toEqual(['second'])
    expect(topicIn(lost.state_after)).toEqual(['first'])
    const after = (await alice.sync({ since, use_state_after: true })).rooms.join[roomId]
    expect(topicIn(after.state_after)).toEqual(['first'])
    const anew = (await alice.sync({ filter: JSON.stringify({ room: { timeline: { limit: 1 } } }) })).rooms.join[roomId]
    expect(topicIn(anew.state)).toEqual(['first'])
    expect(await alice.get(topicPath)).toEqual({ topic: 'first' })
    // Told once: nothing is left for the next sync.
    const { next_batch: told } = await alice.sync({ since })
    await alice.sendText(roomId, 'still on')
    expect(topicIn((await alice.sync({ since: told })).rooms.join[roomId].state)).toEqual([])
  })
})
