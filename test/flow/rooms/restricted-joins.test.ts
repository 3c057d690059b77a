import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Body, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let carol: TestClient
/** A room that Bob is in, and Carol is not. */
let hall: string

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
  carol = await homeserver.register('carol')
  hall = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(hall)
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const outcome = async (client: TestClient, path: string): Promise<number | string> => {
  const { status, body } = await client.request('POST', path, { body: {} })
  return status === 200 ? 200 : `${status} ${body.errcode}`
}
const join = (client: TestClient, roomId: string) => outcome(client, `/v3/join/${enc(roomId)}`)
const knock = (client: TestClient, roomId: string) => outcome(client, `/v3/knock/${enc(roomId)}`)
const memberOf = (roomId: string, client: TestClient) => alice.getState(roomId, 'm.room.member', client.userId)
const roomWith = async (rule: string, allow: unknown, extra: Body = {}): Promise<string> => {
  const content = { join_rule: rule, ...(allow === undefined ? {} : { allow }) }
  return alice.createRoom({ initial_state: [{ type: 'm.room.join_rules', content }], ...extra })
}
const allowing = (...roomIds: readonly string[]) => roomIds.map((room_id) => ({ type: 'm.room_membership', room_id }))
const FORBIDDEN = '403 M_FORBIDDEN'

describe.each(Array.from({ length: 12 }, (_, index) => index + 1))('in room version %i', (version) => {
  const make = (rule: string) => roomWith(rule, allowing(hall), { room_version: String(version) })

  it('members of an allowed room join a restricted room, where the version knows that', async () => {
    const roomId = await make('restricted')
    expect(await join(carol, roomId)).toBe(FORBIDDEN)
    expect(await knock(carol, roomId)).toBe(FORBIDDEN)
    expect(await join(bob, roomId)).toBe(version >= 8 ? 200 : FORBIDDEN)
    if (version >= 8)
      expect(await memberOf(roomId, bob)).toMatchObject({ join_authorised_via_users_server: alice.userId })
  })

  it('others knock on a room with knock_restricted, and are let in by an invite', async () => {
    const roomId = await make('knock_restricted')
    expect(await join(carol, roomId)).toBe(FORBIDDEN)
    expect(await knock(carol, roomId)).toBe(version >= 10 ? 200 : FORBIDDEN)
    expect(await join(bob, roomId)).toBe(version >= 10 ? 200 : FORBIDDEN)
    if (version < 10) return
    await alice.invite(roomId, carol.userId)
    expect(await knock(carol, roomId)).toBe(FORBIDDEN)
    expect(await join(carol, roomId)).toBe(200)
    expect(await memberOf(roomId, carol)).not.toHaveProperty('join_authorised_via_users_server')
  })

  it('people knock where the rule is knock', async () => {
    const roomId = await make('knock')
    expect(await knock(carol, roomId)).toBe(version >= 7 ? 200 : FORBIDDEN)
    expect(await join(bob, roomId)).toBe(FORBIDDEN)
    if (version < 7) return
    await carol.leave(roomId)
    expect((await memberOf(roomId, carol)).membership).toBe('leave')
    expect(await knock(carol, roomId)).toBe(200)
  })
})

describe('a restricted join', () => {
  it('turns a knock into a membership once one is in an allowed room', async () => {
    const other = await alice.createRoom({ preset: 'public_chat' })
    const roomId = await roomWith('knock_restricted', allowing(other))
    const dora = await homeserver.register('dora')
    expect(await knock(dora, roomId)).toBe(200)
    expect(await join(dora, roomId)).toBe(FORBIDDEN)
    await dora.join(other)
    expect(await join(dora, roomId)).toBe(200)
    await dora.leave(roomId)
    await alice.ban(roomId, dora.userId)
    expect(await join(dora, roomId)).toBe(FORBIDDEN)
  })

  it('needs a member who may invite', async () => {
    const roomId = await roomWith('restricted', allowing(hall), {
      room_version: '11',
      power_level_content_override: { invite: 50 },
    })
    const dora = await homeserver.register('dora')
    await dora.join(hall)
    expect(await join(bob, roomId)).toBe(200)
    await alice.leave(roomId)
    expect(await join(dora, roomId)).toBe('400 M_UNABLE_TO_GRANT_JOIN')
  })

  it('counts the hundred first conditions, and none that is not understood', async () => {
    const unknown = Array.from({ length: 99 }, (_, index) => `!unknown${index}:localhost`)
    const last = await roomWith('restricted', allowing(...unknown, hall))
    expect(await join(bob, last)).toBe(200)
    const beyond = await roomWith('restricted', allowing(...unknown, '!one-more:localhost', hall))
    expect(await join(bob, beyond)).toBe(FORBIDDEN)
    const odd = [null, 7, [], {}, { type: 'm.room_membership' }, { type: 'm.x', room_id: hall }, { room_id: hall }]
    for (const allow of [undefined, 'all', {}, odd, [{ type: 'm.room_membership', room_id: 'x\u0000' }]]) {
      const made = await roomWith('restricted', allow).catch(() => undefined)
      if (made !== undefined) expect(await join(bob, made)).toBe(FORBIDDEN)
    }
  })
})
