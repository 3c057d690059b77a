import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Body, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const refusal = async (client: TestClient, method: string, path: string, body: Body) => {
  const answer = await client.request(method, path, { body })
  return [answer.status, answer.body.errcode]
}

describe('power levels that name a creator in version 12 are 400', () => {
  it('when set in a room', async () => {
    const roomId = await alice.createRoom({
      room_version: '12',
      creation_content: { additional_creators: [bob.userId] },
    })
    const path = `/v3/rooms/${enc(roomId)}/state/m.room.power_levels`
    for (const creator of [alice.userId, bob.userId])
      expect(await refusal(alice, 'PUT', path, { users: { [creator]: 100 } })).toEqual([400, 'M_BAD_JSON'])
    expect(await refusal(alice, 'PUT', path, { users: { '@carol:localhost': 50 } })).toEqual([200, undefined])
    const stranger = await homeserver.register('stranger')
    expect(await refusal(stranger, 'PUT', path, { users: { [alice.userId]: 100 } })).toEqual([403, 'M_FORBIDDEN'])
  })

  it('when given as power_level_content_override or as initial_state of a new room', async () => {
    const users = { [alice.userId]: 100 }
    const create = (body: Body) => refusal(alice, 'POST', '/v3/createRoom', { room_version: '12', ...body })
    expect(await create({ power_level_content_override: { users } })).toEqual([400, 'M_INVALID_ROOM_STATE'])
    const type = 'm.room.power_levels'
    const initial = [{ type, state_key: '', content: { users } }]
    expect(await create({ initial_state: initial })).toEqual([400, 'M_INVALID_ROOM_STATE'])
    const trusted = { preset: 'trusted_private_chat', invite: [bob.userId] }
    expect(await create({ ...trusted, power_level_content_override: { users: { [bob.userId]: 100 } } })).toEqual([
      400,
      'M_INVALID_ROOM_STATE',
    ])
    expect(await create({ room_version: '11', power_level_content_override: { users } })).toEqual([200, undefined])
  })
})

describe('a second m.room.create is 400', () => {
  it.each(['11', '12'])(
    'in version %s: as state, with a state key, as a message, and as initial_state',
    async (version) => {
      const roomId = await alice.createRoom({ room_version: version })
      const path = `/v3/rooms/${enc(roomId)}`
      const content = { creator: alice.userId, room_version: version }
      for (const where of ['state/m.room.create', 'state/m.room.create/other', 'send/m.room.create/1'])
        expect(await refusal(alice, 'PUT', `${path}/${where}`, content)).toEqual([400, 'M_BAD_JSON'])
      const initial = [{ type: 'm.room.create', state_key: '', content }]
      expect(await refusal(alice, 'POST', '/v3/createRoom', { initial_state: initial })).toEqual([
        400,
        'M_INVALID_PARAM',
      ])
      // A user outside learns nothing of the room.
      expect(await refusal(bob, 'PUT', `${path}/state/m.room.create`, content)).toEqual([403, 'M_FORBIDDEN'])
    },
  )
})
