import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { longestStepMs } from '../../support/event-loop.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { grow } from '../growth/grown.ts'

const HIGHLIGHT = { actions: ['notify', { set_tweak: 'highlight' }] }

describe('push rules held against unread events', () => {
  let homeserver: TestHomeserver
  let alice: TestClient
  beforeAll(async () => {
    homeserver = await startHomeserver()
    alice = await homeserver.register('alice')
  })
  afterAll(() => homeserver.stop())

  const reader = async (roomId: string, patterns: readonly string[]): Promise<TestClient> => {
    const mallory = await homeserver.register('mallory')
    await mallory.join(roomId)
    for (const [index, pattern] of patterns.entries())
      await mallory.put(`/v3/pushrules/global/content/rule${index}`, { pattern, ...HIGHLIGHT })
    return mallory
  }
  /** The shortest of several, as the machine may be busy with other things. */
  const longestOfSyncs = async (mallory: TestClient): Promise<number> => {
    const steps: number[] = []
    for (let round = 0; round < 4; round++) {
      // Other rules, so that all is judged anew.
      await mallory.put(`/v3/pushrules/global/content/last`, { pattern: `round ${round}`, ...HIGHLIGHT })
      steps.push(await longestStepMs(() => mallory.sync()))
    }
    return Math.min(...steps)
  }

  it('are judged in slices, whatever long globs meet the longest message', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const patterns = Array.from({ length: 200 }, (_, index) =>
      index % 2 === 0 ? `${'a'.repeat(400 + (index % 90))}b*a` : `*${'a?'.repeat(200 + (index % 50))}??b?`,
    )
    const mallory = await reader(roomId, patterns)
    for (let n = 0; n < 5; n++) await alice.sendText(roomId, 'a'.repeat(60_000))
    expect((await mallory.sync()).rooms.join[roomId].unread_notifications.notification_count).toBe(5)
    expect(await longestOfSyncs(mallory)).toBeLessThan(30)
  }, 60_000)

  it('are judged in slices, where many plain words meet many short messages', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const mallory = await reader(
      roomId,
      Array.from({ length: 100 }, (_, index) => `word${index}`),
    )
    await alice.sendText(roomId, 'a short message that has none of the words in it, as most have')
    await grow(homeserver, (rows) => rows.addMessages(roomId, 2_500))
    expect((await mallory.sync()).rooms.join[roomId].unread_notifications.notification_count).toBe(2_000)
    expect(await longestOfSyncs(mallory)).toBeLessThan(30)
  }, 60_000)
})

describe('a list of 10,000 ignored users', () => {
  it('is stored, read and obeyed in steps of a few milliseconds', async () => {
    await using homeserver = await startHomeserver()
    const alice = await homeserver.register('alice')
    const mallory = await homeserver.register('mallory')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await mallory.join(roomId)
    const path = `/v3/user/${encodeURIComponent(mallory.userId)}/account_data/m.ignored_user_list`
    const others = Array.from({ length: 10_000 }, (_, index) => [`@somebody-${index}:elsewhere.example.org`, {}])
    const steps: number[] = []
    for (let round = 0; round < 4; round++) {
      const users = Object.fromEntries([...others, [`@round-${round}:example.org`, {}], [alice.userId, {}]])
      await mallory.put(path, { ignored_users: users })
      const { next_batch: since } = await mallory.sync()
      await homeserver.restart()
      await alice.sendText(roomId, 'not heard')
      steps.push(await longestStepMs(() => mallory.sync({ since })))
    }
    expect(Math.min(...steps)).toBeLessThan(20)
  })
})
