import { expect, test } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { openScene, sendEvents, text, untilBody } from '../federation/receiving/scene.ts'

const V1 = '/_synapse/admin/v1'
const extremitiesOf = (roomId: string): string => `${V1}/rooms/${encodeURIComponent(roomId)}/forward_extremities`

onEveryHomeserver('the largest rooms of the database', (start) => {
  test('are told, the largest first, with what their events take', async () => {
    await using server = await start({})
    const admin = await registerAdmin(server, 'root')
    const alice = await server.register('alice')
    expect(await admin.get(`${V1}/statistics/database/rooms`)).toEqual({ rooms: [] })
    const rooms: string[] = []
    for (let index = 0; index < 11; index++) rooms.push(await alice.createRoom({ name: `${index}` }))
    const [large = '', larger = ''] = rooms
    await alice.sendText(large, 'x'.repeat(20_000))
    for (const letter of ['y', 'z']) await alice.sendText(larger, letter.repeat(20_000))
    const told: Json = await admin.get(`${V1}/statistics/database/rooms`)
    expect(told.rooms.slice(0, 2).map(({ room_id }: Json) => room_id)).toEqual([larger, large])
    expect(told.rooms).toHaveLength(10)
    const [first, second, third] = told.rooms.map((room: Json) => room.estimated_size)
    expect(first).toBeGreaterThan(40_000)
    expect(second).toBeGreaterThan(20_000)
    expect(second).toBeLessThan(first)
    expect(third).toBeLessThan(20_000)
    const refused = await alice.request('GET', `${V1}/statistics/database/rooms`)
    expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })
})

test('an administrator has the branches of a room joined, and nothing of them is lost', async () => {
  await using scene = await openScene()
  const { server, alice, roomId, room } = scene
  const admin = await registerAdmin(server, 'root')
  const before = room.heads
  const branches = [1, 2, 3].map((number) => room.send(text(`branch ${number}`, { prev: before })))
  await sendEvents(scene, branches)
  for (const number of [1, 2, 3]) await untilBody(alice, roomId, `branch ${number}`)
  expect((await admin.get(extremitiesOf(roomId))).count).toBe(3)
  const forbidden = await alice.request('DELETE', extremitiesOf(roomId))
  expect([forbidden.status, forbidden.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  expect(await admin.ok('DELETE', extremitiesOf(roomId))).toEqual({ deleted: 2 })
  expect((await admin.get(extremitiesOf(roomId))).count).toBe(1)
  expect(await admin.ok('DELETE', extremitiesOf(roomId))).toEqual({ deleted: 0 })
  expect((await admin.request('DELETE', extremitiesOf('!none:here'))).status).toBe(404)
  const { entries } = await admin.get('/_homeroom/admin/v1/audit_log', { subject: roomId })
  expect(entries.map(({ action, details }: Json) => [action, details])).toEqual([['room.join_branches', { joined: 2 }]])
})
