import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { cpuMsOf, grow } from '../growth/grown.ts'

/** Only the newest events of a room count: see ADR 4. */
const MAX_COUNTED = 2_000

describe('who never reads', () => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  let few: string
  let many: string
  beforeAll(async () => {
    homeserver = await startHomeserver()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
    few = await alice.createRoom({ preset: 'public_chat' })
    many = await alice.createRoom({ preset: 'public_chat' })
    for (const roomId of [few, many]) {
      await bob.join(roomId)
      await alice.sendText(roomId, 'hello')
    }
    await grow(homeserver, (rows) => {
      rows.addMessages(few, 1_000)
      rows.addMessages(many, 30_000)
    })
  })
  afterAll(() => homeserver.stop())

  const countIn = async (roomId: string): Promise<number> =>
    (await bob.sync()).rooms.join[roomId].unread_notifications.notification_count

  it('is told of as many as count, the same number before and after a restart, however many come', async () => {
    expect(await countIn(many)).toBe(MAX_COUNTED)
    let { next_batch: since } = await bob.sync()
    for (let round = 0; round < 5; round++) {
      await alice.sendText(many, 'one more')
      const answer = await bob.sync({ since })
      since = answer.next_batch
      expect(answer.rooms.join[many].unread_notifications.notification_count).toBe(MAX_COUNTED)
    }
    await alice.setState(many, 'm.room.topic', '', { topic: 'takes a place and does not notify' })
    const after = (await bob.sync({ since })).rooms.join[many].unread_notifications.notification_count
    expect(after).toBe(MAX_COUNTED - 1)
    await homeserver.restart()
    expect(await countIn(many)).toBe(MAX_COUNTED - 1)
    const { chunk } = await bob.messages(many, { dir: 'b', limit: 300 })
    await bob.receipt(many, chunk.at(-1).event_id)
    expect(await countIn(many)).toBe(298)
    await homeserver.restart()
    expect(await countIn(many)).toBe(298)
  }, 60_000)

  it('pays no more for each sync with 30,000 unread than with 1,000', async () => {
    let since = (await bob.sync()).next_batch
    const spent = async (roomId: string): Promise<number> => {
      let ms = 0
      for (let round = 0; round < 150; round++) {
        await alice.sendText(roomId, 'one more')
        ms += await cpuMsOf(async () => {
          since = (await bob.sync({ since })).next_batch
        })
      }
      return ms
    }
    const ratios: number[] = []
    await spent(few)
    for (let round = 0; round < 3; round++) {
      const ofFew = await spent(few)
      ratios.push((await spent(many)) / ofFew)
    }
    expect(Math.min(...ratios)).toBeLessThan(1.25)
  }, 60_000)
})
