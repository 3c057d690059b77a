import { expect, test, vi } from 'vitest'
import type { Json } from '../../support/client.ts'
import { startFederation } from '../../support/federation-servers.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { administered } from './administrator.ts'

const V1 = '/_synapse/admin/v1'
const OWN = '/_homeroom/admin/v1'
const enc = encodeURIComponent

onEveryHomeserver('reports, notices and jobs for administrators', (start) => {
  test('reports of events, users and rooms are listed with what is known of them, filtered, paged and deleted', async () => {
    await using world = await administered(start)
    const { server, admin } = world
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const roomId = await alice.createRoom({ name: 'Den', preset: 'public_chat', room_alias_name: 'den' })
    const other = await alice.createRoom({ preset: 'public_chat' })
    for (const id of [roomId, other]) await bob.join(id)
    const events: string[] = []
    for (const id of [roomId, other]) events.push(await alice.sendText(id, 'rude'))
    await bob.post(`/v3/rooms/${enc(roomId)}/report/${enc(events[0] ?? '')}`, { reason: 'rude one', score: -50 })
    await bob.post(`/v3/rooms/${enc(other)}/report/${enc(events[1] ?? '')}`, { reason: 'another' })
    await alice.post(`/v3/users/${enc(bob.userId)}/report`, { reason: 'reports me' })
    await bob.post(`/v3/rooms/${enc(roomId)}/report`, { reason: 'the room' })
    const all = await admin.get(`${V1}/event_reports`)
    expect(all.total).toBe(2)
    expect(all.event_reports[1]).toEqual({
      id: expect.any(Number),
      received_ts: expect.any(Number),
      user_id: bob.userId,
      reason: 'rude one',
      score: null,
      room_id: roomId,
      name: 'Den',
      canonical_alias: `#den:${server.serverName}`,
      event_id: events[0],
      sender: alice.userId,
    })
    const reasons = async (query: Json) =>
      (await admin.get(`${V1}/event_reports`, query)).event_reports.map(({ reason }: Json) => reason)
    expect(await reasons({ dir: 'f' })).toEqual(['rude one', 'another'])
    expect(await reasons({ room_id: roomId })).toEqual(['rude one'])
    expect(await reasons({ user_id: alice.userId })).toEqual([])
    expect(await reasons({ event_sender_user_id: alice.userId })).toEqual(['another', 'rude one'])
    const first = await admin.get(`${V1}/event_reports`, { limit: 1 })
    expect([first.event_reports.length, first.next_token]).toEqual([1, 1])
    expect((await admin.get(`${V1}/event_reports`, { limit: 1, from: 1 })).next_token).toBeUndefined()
    const users = await admin.get(`${V1}/user_reports`, { target_user_id: bob.userId })
    expect(users).toMatchObject({ total: 1, user_reports: [{ target_user_id: bob.userId, user_id: alice.userId }] })
    expect(await admin.get(`${OWN}/room_reports`)).toMatchObject({
      total: 1,
      room_reports: [{ room_id: roomId, name: 'Den' }],
    })
    const { id } = all.event_reports[1]
    const one = await admin.get(`${V1}/event_reports/${id}`)
    expect(one).toMatchObject({ id, event_json: { type: 'm.room.message', content: { body: 'rude' } } })
    expect((await admin.request('GET', `${V1}/user_reports/${id}`)).status).toBe(404)
    expect((await admin.request('GET', `${V1}/event_reports/x`)).status).toBe(400)
    expect(await admin.delete(`${V1}/event_reports/${id}`)).toEqual({})
    expect((await admin.request('DELETE', `${V1}/event_reports/${id}`)).status).toBe(404)
    expect((await admin.get(`${V1}/event_reports`)).total).toBe(1)
    const log = await admin.get(`${OWN}/audit_log`, { action: 'report.delete' })
    expect(log.entries).toHaveLength(1)
  })

  test('notices reach the user, once for a transaction; other events and states too', async () => {
    await using world = await administered(start)
    const { server, admin } = world
    const alice = await server.register('alice')
    const body = { user_id: alice.userId, content: { msgtype: 'm.text', body: 'Hello' } }
    const { event_id } = await admin.put(`${V1}/send_server_notice/1`, body)
    expect((await admin.put(`${V1}/send_server_notice/1`, body)).event_id).toBe(event_id)
    const [roomId] = Object.keys((await alice.sync()).rooms.invite)
    await alice.join(roomId ?? '')
    await admin.post(`${V1}/send_server_notice`, { ...body, content: { msgtype: 'm.text', body: 'Again' } })
    await admin.post(`${V1}/send_server_notice`, {
      user_id: alice.userId,
      type: 'm.room.topic',
      state_key: '',
      content: { topic: 'T' },
    })
    const { chunk } = await alice.messages(roomId ?? '', { dir: 'b', limit: 30 })
    const told = chunk.filter(({ type }: Json) => type === 'm.room.message').map(({ content }: Json) => content.body)
    expect(told).toEqual(['Again', 'Hello'])
    expect((await alice.getState(roomId ?? '', 'm.room.topic')).topic).toBe('T')
    const nobody = { body: { ...body, user_id: `@nobody:${server.serverName}` } }
    expect((await admin.request('POST', `${V1}/send_server_notice`, nobody)).status).toBe(404)
    expect((await admin.request('POST', `${V1}/send_server_notice`, { body: { user_id: alice.userId } })).status).toBe(
      400,
    )
    const log = await admin.get(`${OWN}/audit_log`, { action: 'notice.send', subject: alice.userId })
    expect(log.entries.length).toBeGreaterThanOrEqual(3)
  })

  test('jobs are listed as scheduled tasks, and shown and cancelled one by one', async () => {
    await using world = await administered(start)
    const { server, admin } = world
    const alice = await server.register('alice')
    const roomId = await alice.createRoom()
    await admin.delete(`${V1}/rooms/${enc(roomId)}`, {})
    const tasks = async (query: Json = {}) => (await admin.get(`${V1}/scheduled_tasks`, query)).scheduled_tasks
    const [task] = await tasks()
    expect(task).toMatchObject({
      action: 'shutdown_and_purge_room',
      status: 'complete',
      resource_id: roomId,
      error: null,
    })
    expect(await tasks({ action_name: 'purge_history' })).toEqual([])
    expect(await tasks({ action_name: 'shutdown_and_purge_room', resource_id: roomId, status: 'complete' })).toEqual([
      task,
    ])
    expect(await tasks({ max_timestamp: 1 })).toEqual([])
    expect(await admin.get(`${OWN}/jobs/${task.id}`)).toMatchObject({ status: 'complete', started_by: admin.userId })
    expect(await admin.post(`${OWN}/jobs/${task.id}/cancel`)).toEqual({ cancelled: false })
    expect((await admin.request('GET', `${OWN}/jobs/none`)).status).toBe(404)
    expect((await admin.request('GET', `${V1}/scheduled_tasks?status=odd`)).status).toBe(400)
  })
})

test('other servers are listed with how the sending to each does, and one that failed is tried again at once', async () => {
  await using federation = await startFederation()
  const [first, second] = [federation.at(0), federation.at(1)]
  const admin = await registerAdmin(first, 'root')
  const bob = await second.register('bob')
  const roomId = await admin.createRoom({ preset: 'public_chat' })
  await bob.post(`/v3/join/${enc(roomId)}?via=${first.serverName}`)
  const base = `${V1}/federation/destinations`
  const list = await admin.get(base)
  expect(list).toMatchObject({
    total: 1,
    destinations: [{ destination: second.serverName, retry_last_ts: 0, failure_ts: null }],
  })
  expect(await admin.get(`${base}/${second.serverName}`)).toEqual(list.destinations[0])
  expect(await admin.get(`${base}/${second.serverName}/rooms`)).toEqual({
    rooms: [{ room_id: roomId, stream_ordering: null }],
    total: 1,
  })
  expect((await admin.get(base, { destination: 'nothing' })).total).toBe(0)
  expect((await admin.request('POST', `${base}/${second.serverName}/reset_connection`, { body: {} })).status).toBe(400)
  expect((await admin.request('GET', `${base}/unknown.example`)).status).toBe(404)
  await second.whileStopped(async () => {
    await admin.sendText(roomId, 'nobody hears')
    await vi.waitFor(
      async () => expect((await admin.get(`${base}/${second.serverName}`)).failure_ts).toBeGreaterThan(0),
      { timeout: 20_000 },
    )
    for (const order_by of ['retry_last_ts', 'retry_interval', 'failure_ts', 'last_successful_stream_ordering'])
      expect((await admin.get(base, { order_by, dir: 'b' })).destinations).toHaveLength(1)
  })
  expect(await admin.post(`${base}/${second.serverName}/reset_connection`)).toEqual({})
  await vi.waitFor(async () => expect((await admin.get(`${base}/${second.serverName}`)).failure_ts).toBeNull(), {
    timeout: 20_000,
  })
})
