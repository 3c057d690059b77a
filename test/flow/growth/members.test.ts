import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { grow, ratioOfCosts } from './grown.ts'

const MEMBERS = 6_000
const LAZY = JSON.stringify({ room: { state: { lazy_load_members: true } } })
const enc = encodeURIComponent

describe('a room of very many members', () => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  let carol: TestClient
  let roomId: string
  let members: readonly string[]
  beforeAll(async () => {
    homeserver = await startHomeserver()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
    carol = await homeserver.register('carol')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const small = await alice.createRoom({ preset: 'public_chat' })
    await carol.join(small)
    await grow(homeserver, (rows) => {
      members = rows.addMembers(roomId, bob.userId, MEMBERS)
    })
  }, 60_000)
  afterAll(() => homeserver.stop())

  /** Asks without what the client does with the answer. */
  const asks = (client: TestClient, path: string) => async (): Promise<void> => {
    const headers = { authorization: `Bearer ${client.accessToken}` }
    const response = await fetch(`${homeserver.url}/_matrix/client${path}`, { headers })
    await response.arrayBuffer()
    expect(response.status).toBe(200)
  }

  it('a first sync with lazy loading does not grow with the members of rooms through presence', async () => {
    const path = `/v3/sync?filter=${enc(LAZY)}`
    expect(await ratioOfCosts(3, asks(carol, path), asks(bob, path))).toBeLessThan(3)
  }, 30_000)

  it('a first sync with lazy loading has the presence of members of small rooms', async () => {
    await alice.put(`/v3/presence/${enc(alice.userId)}/status`, { presence: 'online', status_msg: 'here' })
    const shown = async (client: TestClient) =>
      (await client.sync({ filter: LAZY })).presence.events.map(({ sender }: Json) => sender)
    expect(await shown(carol)).toContain(alice.userId)
  })

  it('/joined_members has them all and is much cheaper than /members', async () => {
    const { joined } = await bob.get(`/v3/rooms/${enc(roomId)}/joined_members`)
    expect(Object.keys(joined).sort()).toEqual([alice.userId, bob.userId, ...members].sort())
    expect(joined[members[0] ?? '']).toEqual({ display_name: 'bob' })
    const path = `/v3/rooms/${enc(roomId)}`
    const ratio = await ratioOfCosts(0.6, asks(bob, `${path}/members`), asks(bob, `${path}/joined_members`))
    expect(ratio).toBeLessThan(0.6)
  }, 30_000)

  it('a first sync that is not lazy has each member once', async () => {
    const { rooms } = await bob.sync()
    const told = rooms.join[roomId].state.events.flatMap(({ type, state_key }: Json) =>
      type === 'm.room.member' ? [state_key] : [],
    )
    const inTimeline = rooms.join[roomId].timeline.events.flatMap(({ type, state_key }: Json) =>
      type === 'm.room.member' ? [state_key] : [],
    )
    expect(([...told, ...inTimeline] as string[]).sort()).toEqual([alice.userId, bob.userId, ...members].sort())
  }, 30_000)
})
