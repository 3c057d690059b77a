import { expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import { startHomeserver } from '../../support/homeserver.ts'
import { grow } from '../growth/grown.ts'
import { search } from './searches.ts'

const ROOMS = 700

it.each(['recent', 'rank'])(
  'goes through more rooms than one question can name, in the order %s',
  async (order) => {
    await using homeserver = await startHomeserver()
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom()
    await alice.sendText(roomId, 'everywhere the same')
    const bob = await homeserver.register('bob')
    const elsewhere = await bob.createRoom()
    await grow(homeserver, (rows) => {
      rows.areSearched = true
      rows.copyRoom(roomId, ROOMS - 1)
    })
    for (let sent = 0; sent < 5; sent++) await bob.sendText(elsewhere, 'everywhere but for others')
    const found: string[] = []
    const rooms = new Set<string>()
    for (let page: Json; page === undefined || page.next_batch !== undefined; ) {
      page = await search(alice, 'everywhere', { order_by: order, filter: { limit: 50 } }, page?.next_batch)
      expect(page.count).toBe(250)
      for (const { result } of page.results) {
        found.push(result.event_id)
        rooms.add(result.room_id)
      }
    }
    expect(new Set(found).size).toBe(found.length)
    expect(rooms.size).toBe(ROOMS)
    expect(rooms.has(elsewhere)).toBe(false)
  },
  60_000,
)
