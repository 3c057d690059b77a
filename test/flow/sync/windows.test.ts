import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const bodies = (room: Json): string[] =>
  (room?.timeline.events ?? [])
    .filter((event: Json) => event.type === 'm.room.message')
    .map((event: Json) => event.content.body)

const LONG = 30_000

describe('windows of the stream', () => {
  const clock = new SteppedClock()
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  beforeAll(async () => {
    homeserver = await startHomeserver({ clock })
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
  })
  afterAll(() => homeserver.stop())

  const shared = async (): Promise<string> => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    return roomId
  }

  it('that begin before a restart hold what came before it and after, once', async () => {
    const [busy, quiet] = [await shared(), await shared()]
    const { next_batch: since } = await bob.sync()
    await alice.sendText(busy, 'before')
    await homeserver.restart()
    await alice.sendText(busy, 'after')
    const first = await bob.sync({ since })
    expect(bodies(first.rooms.join[busy])).toEqual(['before', 'after'])
    expect(first.rooms.join[busy].timeline.limited).toBe(false)
    expect(first.rooms.join).not.toHaveProperty(quiet)
    const second = await bob.sync({ since: first.next_batch })
    expect(second.rooms.join).toEqual({})
  })

  it('that hold a leave and a join again show the room anew, and what a member may see of it', async () => {
    const roomId = await shared()
    const { next_batch: since } = await bob.sync()
    await bob.post(`/v3/rooms/${roomId}/leave`)
    await alice.sendText(roomId, 'while away')
    await bob.join(roomId)
    await alice.sendText(roomId, 'back')
    const answer = await bob.sync({ since })
    expect(bodies(answer.rooms.join[roomId]).at(-1)).toBe('back')
    expect(answer.rooms.leave).not.toHaveProperty(roomId)
    expect((await bob.sync({ since: answer.next_batch })).rooms.join).toEqual({})
  })

  it('that wait hear of a room joined meanwhile on another device, and of what is said there next', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const phone = await bob.loginAgain()
    const { next_batch: since } = await phone.sync()
    const waiting = phone.nextSync(since)
    await bob.join(roomId)
    const joined = await waiting
    expect(joined.rooms.join).toHaveProperty([roomId])
    const both = [phone, bob].map((device) => device.nextSync(joined.next_batch))
    await alice.sendText(roomId, 'to both')
    for (const answer of await Promise.all(both)) expect(bodies(answer.rooms.join[roomId])).toEqual(['to both'])
  })

  it('whose client went away disturb nobody, the next poll of the same token has the news', async () => {
    const roomId = await shared()
    const { next_batch: since } = await bob.sync()
    const request = new AbortController()
    const gone = bob.request('GET', '/v3/sync', { query: { since, timeout: LONG }, signal: request.signal })
    request.abort()
    await expect(gone).rejects.toThrow()
    await alice.sendText(roomId, 'still there')
    expect(bodies((await bob.nextSync(since)).rooms.join[roomId])).toEqual(['still there'])
  })

  it('that begin before the clock was set back still hear of who types', async () => {
    const roomId = await shared()
    clock.advance(3_600_000)
    await homeserver.restart()
    const { next_batch: since } = await bob.sync()
    clock.advance(-3_600_000)
    await homeserver.restart()
    const heard = async (): Promise<Json> => {
      // News of presence may come before it, in an answer of its own.
      for (let from = since; ; ) {
        const answer = await bob.sync({ since: from, timeout: LONG })
        const events: Json[] = answer.rooms.join[roomId]?.ephemeral.events ?? []
        const typing = events.find(({ type }) => type === 'm.typing')
        if (typing !== undefined) return typing
        from = answer.next_batch
      }
    }
    const waiting = heard()
    await alice.put(`/v3/rooms/${roomId}/typing/${alice.userId}`, { typing: true, timeout: 20_000 })
    expect((await waiting).content.user_ids).toEqual([alice.userId])
  })
})
