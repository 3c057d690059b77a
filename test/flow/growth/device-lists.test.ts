import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { deviceKeysOf, upload } from '../encryption/fixture.ts'
import { grow, leastCpuMs, repeatedly } from './grown.ts'

const CHANGES = 10_000
const MEMBERS = 5_000
const SYNCS = 20

describe('device lists', () => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  beforeAll(async () => {
    homeserver = await startHomeserver()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })
  afterAll(() => homeserver.stop())

  /** Syncs that bring one message and one change of keys, again and again. */
  const syncOfNews = async (): Promise<() => Promise<unknown>> => {
    const { next_batch: since } = await alice.sync()
    await bob.sendText(roomId, 'news')
    await upload(bob, { device_keys: deviceKeysOf(bob) })
    return async () => {
      const { device_lists: lists } = await alice.sync({ since })
      expect(lists).toEqual({ changed: [bob.userId], left: [] })
    }
  }

  it('with 10,000 changes behind it an incremental /sync costs what it did without', async () => {
    const before = await syncOfNews()
    await before()
    const without = await leastCpuMs(repeatedly(SYNCS, before))
    const { next_batch: old } = await alice.sync()
    await grow(homeserver, (rows) => rows.addKeyChanges(alice.userId, CHANGES))
    const after = await syncOfNews()
    await after()
    expect((await leastCpuMs(repeatedly(SYNCS, after), without * 2)) / without).toBeLessThan(2)

    // With all of them in its window, none of which concerns the reader.
    const { device_lists: lists } = await alice.sync({ since: old })
    expect(lists).toEqual({ changed: [bob.userId], left: [] })
  }, 120_000)

  it('a join into a room with 5,000 members names all of them but those met before', async () => {
    const large = await bob.createRoom({ preset: 'public_chat' })
    const other = await homeserver.register('other')
    await other.join(large)
    const { next_batch: since } = await alice.sync()
    await grow(homeserver, (rows) => rows.addMembers(large, other.userId, MEMBERS))
    await alice.join(large)
    const { device_lists: lists } = await alice.sync({ since })
    expect(lists.changed).toHaveLength(MEMBERS + 1)
    expect(lists.changed).toContain(other.userId)
    expect(lists.changed).not.toContain(bob.userId)
    const { next_batch: inLarge } = await alice.sync()
    await alice.leave(large)
    const { device_lists: after } = await alice.sync({ since: inLarge })
    expect([after.changed, after.left.length]).toEqual([[], MEMBERS + 1])
  }, 120_000)
})
