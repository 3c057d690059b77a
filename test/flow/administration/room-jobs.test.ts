import { expect, test, vi } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { administered, shareAdministered } from './administrator.ts'

const V1 = '/_synapse/admin/v1'
const V2 = '/_synapse/admin/v2'
const enc = encodeURIComponent

/** Asks until the deletion or purge has ended. */
const ended = async (admin: TestClient, path: string): Promise<Json> =>
  vi.waitFor(
    async () => {
      const job = await admin.get(path)
      expect(['complete', 'failed']).toContain(job.status)
      return job
    },
    { timeout: 20_000, interval: 20 },
  )
const deleted = (admin: TestClient, id: string): Promise<Json> => ended(admin, `${V2}/rooms/delete_status/${id}`)
/** Whoever waits for a purge knows no other word than `active` for one that has not ended: Synapse has none. */
const purged = async (admin: TestClient, id: string): Promise<Json> => {
  const path = `${V1}/purge_history_status/${id}`
  expect(['active', 'complete', 'failed']).toContain((await admin.get(path)).status)
  return ended(admin, path)
}

onEveryHomeserver('long deeds with rooms', (start) => {
  const world = shareAdministered(start)

  test('a deleted room is gone for everybody; its users are in a new one that says why, with its aliases', async () => {
    const { server, admin } = await world()
    const [alice, bob, carol] = [
      await server.register('alice'),
      await server.register('bob'),
      await server.register('carol'),
    ]
    const alias = `#ended-${alice.deviceId.toLowerCase()}:${server.serverName}`
    const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: alias.slice(1).split(':')[0] })
    await bob.join(roomId)
    await alice.invite(roomId, carol.userId)
    const eventId = await bob.sendText(roomId, 'find me')
    const since = (await bob.sync()).next_batch
    const body = { new_room_user_id: admin.userId, room_name: 'Sorry', message: 'It had to be.', block: true }
    const { delete_id } = await admin.delete(`${V2}/rooms/${enc(roomId)}`, body)
    const job = await deleted(admin, delete_id)
    expect(job).toMatchObject({ status: 'complete', delete_id, room_id: roomId })
    const { kicked_users, failed_to_kick_users, local_aliases, new_room_id } = job.shutdown_room
    expect(new Set(kicked_users)).toEqual(new Set([alice.userId, bob.userId, carol.userId]))
    expect([failed_to_kick_users, local_aliases]).toEqual([[], [alias]])
    const status = await admin.get(`${V2}/rooms/${enc(roomId)}/delete_status`)
    expect(status.results).toEqual([job])
    expect((await bob.get('/v3/joined_rooms')).joined_rooms).toEqual([new_room_id])
    expect((await alice.get(`/v3/directory/room/${enc(alias)}`)).room_id).toBe(new_room_id)
    expect((await bob.getState(new_room_id, 'm.room.name')).name).toBe('Sorry')
    const told = await bob.messages(new_room_id, { dir: 'b', limit: 50 })
    expect(
      told.chunk.filter(({ type }: Json) => type === 'm.room.message').map(({ content }: Json) => content.body),
    ).toEqual(['It had to be.'])
    expect(
      (await bob.request('PUT', `/v3/rooms/${enc(new_room_id)}/send/m.room.message/1`, { body: { body: 'x' } })).status,
    ).toBe(403)
    const sync = await bob.sync({ since })
    expect(sync.rooms.join[new_room_id]).toBeDefined()
    expect(sync.rooms.join[roomId]).toBeUndefined()
    expect((await admin.request('GET', `${V1}/rooms/${enc(roomId)}`)).status).toBe(404)
    expect((await admin.request('GET', `${V1}/fetch_event/${enc(eventId)}`)).status).toBe(404)
    expect((await bob.request('POST', `/v3/join/${enc(roomId)}`, { body: {} })).status).toBe(403)
    const log = await admin.get('/_homeroom/admin/v1/audit_log', { subject: roomId, action: 'room.delete' })
    expect(log.entries[0]).toMatchObject({ by: admin.userId, via: 'api', details: { block: true, purge: true } })
  })

  test('the old call answers when all is done; without a purge the room stays, empty and forgotten', async () => {
    const { server, admin } = await world()
    const alice = await server.register('alice')
    const roomId = await alice.createRoom({ name: 'Kept' })
    const answer = await admin.delete(`${V1}/rooms/${enc(roomId)}`, { purge: false })
    expect(answer).toEqual({
      kicked_users: [alice.userId],
      failed_to_kick_users: [],
      local_aliases: [],
      new_room_id: null,
    })
    expect(await admin.get(`${V1}/rooms/${enc(roomId)}`)).toMatchObject({ joined_members: 0, forgotten: true })
    expect((await admin.request('DELETE', `${V2}/rooms/${enc('!none:here')}`, { body: {} })).status).toBe(404)
    const foreign = { body: { new_room_user_id: '@a:elsewhere' } }
    expect((await admin.request('DELETE', `${V2}/rooms/${enc(roomId)}`, foreign)).status).toBe(400)
    expect((await admin.request('GET', `${V2}/rooms/delete_status/none`)).status).toBe(404)
    expect((await admin.request('GET', `${V2}/rooms/${enc('!none:here')}/delete_status`)).status).toBe(404)
  })

  test('what a purge took counts for nobody, and is in no first sync, however often these were read before', async () => {
    const { server, admin } = await world()
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const texts: string[] = []
    for (let at = 0; at < 9; at++) texts.push(await alice.sendText(roomId, `${at}`))
    const shown = async (): Promise<{ readonly messages: readonly string[]; readonly count: number }> => {
      const { timeline, unread_notifications } = (await bob.sync()).rooms.join[roomId]
      const messages = timeline.events.filter(({ type }: Json) => type === 'm.room.message')
      return {
        messages: messages.map(({ event_id }: Json) => event_id),
        count: unread_notifications.notification_count,
      }
    }
    for (let time = 0; time < 3; time++) expect(await shown()).toEqual({ messages: texts, count: 9 })
    const body = { delete_local_events: true, purge_up_to_event_id: texts[6] }
    const { purge_id } = await admin.post(`${V1}/purge_history/${enc(roomId)}`, body)
    expect(await purged(admin, purge_id)).toEqual({ status: 'complete' })
    const left = texts.slice(6)
    for (let time = 0; time < 3; time++) expect(await shown()).toEqual({ messages: left, count: left.length })
  })

  test('a purge of history takes the messages of others up to an event; state, what follows, threads, search and paging stay right', async () => {
    const { server, admin } = await world()
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Before' })
    await bob.join(roomId)
    const texts: string[] = []
    for (let at = 0; at < 250; at++) texts.push(await alice.sendText(roomId, `walrus ${at}`))
    const root = await bob.sendText(roomId, 'walrus root')
    const relates = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } }
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'walrus reply', ...relates })
    const middle = (await bob.messages(roomId, { dir: 'b', limit: 20 })).end
    const path = `${V1}/purge_history/${enc(roomId)}`
    const kept = await admin.post(`${path}/${enc(root)}`, {})
    expect(await purged(admin, kept.purge_id)).toEqual({ status: 'complete' })
    expect((await alice.getEvent(roomId, texts[0] ?? '')).content.body).toBe('walrus 0')
    const { purge_id } = await admin.post(path, { delete_local_events: true, purge_up_to_event_id: texts[249] })
    expect(await purged(admin, purge_id)).toEqual({ status: 'complete' })
    expect((await alice.request('GET', `/v3/rooms/${enc(roomId)}/event/${enc(texts[0] ?? '')}`)).status).toBe(404)
    expect((await alice.getState(roomId, 'm.room.name')).name).toBe('Before')
    const whole: string[] = []
    for (let from: string | undefined, page = 0; page < 20; page++) {
      const { chunk, end } = await bob.messages(roomId, { dir: 'b', limit: 4, ...(from === undefined ? {} : { from }) })
      whole.push(...chunk.map(({ type, content }: Json) => content.body ?? type))
      if (end === undefined) break
      from = end
    }
    expect(whole.filter((text) => text.startsWith('walrus'))).toEqual(['walrus reply', 'walrus root', 'walrus 249'])
    expect(whole).toContain('m.room.create')
    const old = await bob.messages(roomId, { dir: 'b', limit: 50, from: middle })
    expect(old.chunk.map(({ type }: Json) => type)).toContain('m.room.create')
    expect((await bob.get(`/v1/rooms/${enc(roomId)}/threads`)).chunk).toHaveLength(1)
    const criteria = { search_term: 'walrus', filter: { rooms: [roomId] } }
    const found = await bob.post('/v3/search', { search_categories: { room_events: criteria } })
    expect(found.search_categories.room_events.results).toHaveLength(3)
    await bob.sendText(roomId, 'goes on')
    expect((await bob.sync()).rooms.join[roomId].timeline.events.at(-1).content.body).toBe('goes on')
    const late = await admin.post(path, { delete_local_events: true, purge_up_to_ts: Date.now() + 60_000 })
    expect(await purged(admin, late.purge_id)).toEqual({ status: 'complete' })
    const rest = await bob.messages(roomId, { dir: 'b', limit: 50 })
    expect(rest.chunk.map(({ content }: Json) => content.body).filter(Boolean)).toEqual(['goes on'])
    for (const body of [{}, { purge_up_to_event_id: 'x' }, { purge_up_to_ts: 'soon' }])
      expect((await admin.request('POST', path, { body })).status).toBe(400)
    expect((await admin.request('POST', `${path}/${enc('$none')}`, { body: {} })).status).toBe(404)
    expect((await admin.request('GET', `${V1}/purge_history_status/none`)).status).toBe(404)
  })

  test('a restart in the middle of a deletion: it is ended after it, each user left once, and one new room is made', async () => {
    await using own = await administered(start)
    const { server, admin } = own
    const alice = await server.register('alice')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const members = [alice]
    for (let at = 0; at < 30; at++) {
      const member = await server.register(`member${at}`)
      await member.join(roomId)
      members.push(member)
    }
    const body = { new_room_user_id: admin.userId, message: 'Over' }
    const { delete_id } = await admin.delete(`${V2}/rooms/${enc(roomId)}`, body)
    await vi.waitFor(async () => expect((await alice.get('/v3/joined_rooms')).joined_rooms).not.toContain(roomId), {
      interval: 1,
      timeout: 10_000,
    })
    await server.restart()
    const job = await deleted(admin, delete_id)
    expect(job.status).toBe('complete')
    expect((await admin.request('GET', `${V1}/rooms/${enc(roomId)}`)).status).toBe(404)
    const { new_room_id: newRoom } = job.shutdown_room
    for (const member of members) expect((await member.get('/v3/joined_rooms')).joined_rooms).toEqual([newRoom])
    expect((await admin.get('/v3/joined_rooms')).joined_rooms).toEqual([newRoom])
    const told = await admin.messages(newRoom, { dir: 'b', limit: 100 })
    expect(told.chunk.filter(({ type }: Json) => type === 'm.room.message')).toHaveLength(1)
  })
})
