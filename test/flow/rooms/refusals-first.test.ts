import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let roomId: string

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
  roomId = await alice.createRoom()
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const refusalOf = async (client: TestClient, path: string) => {
  const { status, body } = await client.request('GET', path)
  return [status, body.errcode]
}

const OLD = '/_matrix/client/api/v1'
/** Requests that no reader could make: a parameter is missing, or nobody could read it. */
const MISFITS: readonly (readonly [path: string, errcode: string])[] = [
  ['/v3/rooms/ROOM/messages', 'M_MISSING_PARAM'],
  ['/v3/rooms/ROOM/messages?dir=x', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/messages?dir=b&limit=many', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/messages?dir=b&filter=no', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/messages?dir=b&from=no', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/context/$event?limit=many', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/context/$event?filter=no', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/context/no', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/members?at=no', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/members?membership=friend', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/state/m.room.name?format=yaml', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/state/m.room%00', 'M_INVALID_PARAM'],
  ['/v3/rooms/ROOM/initialSync?limit=many', 'M_INVALID_PARAM'],
  ['/v3/events?room_id=ROOM&from=no', 'M_INVALID_PARAM'],
  ['/v3/events?room_id=ROOM&timeout=soon', 'M_INVALID_PARAM'],
  [`${OLD}/rooms/ROOM/messages?from=no`, 'M_INVALID_PARAM'],
  [`${OLD}/rooms/ROOM/messages?limit=many`, 'M_INVALID_PARAM'],
  [`${OLD}/rooms/ROOM/members?from=no`, 'M_INVALID_PARAM'],
  [`${OLD}/rooms/ROOM/members?limit=0`, 'M_INVALID_PARAM'],
  [`${OLD}/rooms/ROOM/initialSync?limit=many`, 'M_INVALID_PARAM'],
]

describe('who may not read is told 403 before a missing parameter is 400', () => {
  it.each(MISFITS)('%s', async (path, errcode) => {
    const asked = (room: string) => path.replace('ROOM', enc(room))
    expect(await refusalOf(bob, asked(roomId))).toEqual([403, 'M_FORBIDDEN'])
    expect(await refusalOf(bob, asked('!nowhere:localhost'))).toEqual([403, 'M_FORBIDDEN'])
    expect(await refusalOf(alice, asked(roomId))).toEqual([400, errcode])
    const anybody = await homeserver.client().request('GET', asked(roomId), { token: null })
    expect(anybody.status).toBe(path.startsWith(OLD) ? 403 : 401)
  })

  it('and who left and forgot the room as well', async () => {
    const left = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(left)
    const path = `/v3/rooms/${enc(left)}/messages`
    await bob.leave(left)
    expect(await refusalOf(bob, path)).toEqual([400, 'M_MISSING_PARAM'])
    await bob.post(`/v3/rooms/${enc(left)}/forget`)
    expect(await refusalOf(bob, path)).toEqual([403, 'M_FORBIDDEN'])
  })
})
