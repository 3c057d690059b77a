import { expect, test } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startFederation } from '../../support/federation-servers.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { administered } from './administrator.ts'

const V1 = '/_synapse/admin/v1'
const enc = encodeURIComponent

/** Uploads a text, and answers with the id of the media. */
const upload = async (server: TestHomeserver, user: TestClient, text: string, name?: string): Promise<string> => {
  const response = await fetch(
    `${server.url}/_matrix/media/v3/upload${name === undefined ? '' : `?filename=${name}`}`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${user.accessToken ?? ''}`, 'content-type': 'text/plain' },
      body: text,
    },
  )
  const { content_uri } = (await response.json()) as { content_uri: string }
  return content_uri.split('/').at(-1) ?? ''
}

const status = async (user: TestClient, server: string, id: string, query = ''): Promise<number> =>
  (await user.request('GET', `/_matrix/client/v1/media/download/${server}/${id}${query}`)).status

onEveryHomeserver('media for administrators', (start) => {
  test('a user’s media are listed in every order and deleted; one is told of, and deleted', async () => {
    await using world = await administered(start)
    const { server, admin } = world
    const own = server.serverName
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const ids = [await upload(server, alice, 'aaaa', 'b.txt'), await upload(server, alice, 'bb', 'a.txt')]
    ids.push(await upload(server, alice, 'c'))
    const other = await upload(server, bob, 'of bob')
    const path = `${V1}/users/${enc(alice.userId)}/media`
    const list = async (query: Json = {}) => (await admin.get(path, query)).media.map(({ media_id }: Json) => media_id)
    expect(new Set(await list())).toEqual(new Set(ids))
    expect(await list({ order_by: 'media_length' })).toEqual([ids[2], ids[1], ids[0]])
    expect(await list({ order_by: 'media_length', dir: 'b' })).toEqual(ids)
    for (const order_by of 'media_id upload_name created_ts last_access_ts media_type quarantined_by safe_from_quarantine'.split(
      ' ',
    ))
      expect(new Set(await list({ order_by }))).toEqual(new Set(ids))
    const page = await admin.get(path, { order_by: 'media_length', limit: 2 })
    expect([page.total, page.next_token, page.media.length]).toEqual([3, 2, 2])
    expect(await status(bob, own, ids[0] ?? '')).toBe(200)
    const { media_info } = await admin.get(`${V1}/media/${own}/${ids[0]}`)
    expect(media_info).toMatchObject({
      media_origin: own,
      user_id: alice.userId,
      media_length: 4,
      media_type: 'text/plain',
      upload_name: 'b.txt',
      last_access_ts: expect.any(Number),
      quarantined_by: null,
      safe_from_quarantine: false,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(await admin.delete(`${V1}/media/${own}/${ids[0]}`)).toEqual({ deleted_media: [ids[0]], total: 1 })
    expect(await status(alice, own, ids[0] ?? '')).toBe(404)
    expect((await admin.request('DELETE', `${V1}/media/${own}/${ids[0]}`)).status).toBe(404)
    expect((await admin.request('DELETE', `${V1}/media/elsewhere.example/x`)).status).toBe(400)
    const deleted = await admin.delete(`${path}?limit=1&order_by=media_length`)
    expect(deleted).toEqual({ deleted_media: [ids[2]], total: 1 })
    await admin.delete(path)
    expect(await list()).toEqual([])
    expect(await status(alice, own, other)).toBe(200)
    expect((await admin.request('GET', `${V1}/users/${enc('@none:here')}/media`)).status).toBe(404)
    expect((await admin.request('GET', path, { query: { order_by: 'colour' } })).status).toBe(400)
    expect((await admin.get('/_homeroom/admin/v1/audit_log', { action: 'media.delete' })).entries).toHaveLength(3)
  })

  test('quarantined media are as if they were not there, with all of the same bytes; administrators may look; protected ones stay', async () => {
    await using world = await administered(start)
    const { server, admin } = world
    const own = server.serverName
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const bad = await upload(server, alice, 'bad')
    const same = await upload(server, bob, 'bad')
    const sticker = await upload(server, alice, 'sticker')
    const avatar = await upload(server, alice, 'avatar')
    await admin.post(`${V1}/media/quarantine/${own}/${bad}`)
    for (const id of [bad, same]) {
      expect(await status(bob, own, id)).toBe(404)
      expect(await status(bob, own, id, '?admin_unsafely_bypass_quarantine=true')).toBe(404)
      expect(await status(admin, own, id)).toBe(404)
      expect(await status(admin, own, id, '?admin_unsafely_bypass_quarantine=true')).toBe(200)
      expect((await bob.request('GET', `/_matrix/media/v3/download/${own}/${id}`)).status).toBe(404)
      const thumb = `/_matrix/client/v1/media/thumbnail/${own}/${id}?width=32&height=32`
      expect((await bob.request('GET', thumb)).status).toBe(404)
    }
    expect(await status(bob, own, await upload(server, bob, 'bad'))).toBe(404)
    expect((await admin.get(`${V1}/media/${own}/${same}`)).media_info.quarantined_by).toBe(admin.userId)
    await admin.post(`${V1}/media/unquarantine/${own}/${same}`)
    for (const id of [bad, same]) expect(await status(bob, own, id)).toBe(200)
    await admin.post(`${V1}/media/protect/${sticker}`)
    expect((await admin.get(`${V1}/media/${own}/${sticker}`)).media_info.safe_from_quarantine).toBe(true)
    const roomId = await alice.createRoom()
    const image = (id: string, more: Json = {}) =>
      alice.send(roomId, 'm.room.message', { msgtype: 'm.file', body: 'f', url: `mxc://${own}/${id}`, ...more })
    await image(bad, { info: { thumbnail_url: `mxc://${own}/${same}` } })
    await image(sticker)
    await image('x', { url: 'mxc://elsewhere.example/far' })
    await alice.put(`/v3/profile/${enc(alice.userId)}/avatar_url`, { avatar_url: `mxc://${own}/${avatar}` })
    await alice.ownMember(roomId, ({ avatar_url }) => avatar_url !== undefined)
    const inRoom = await admin.get(`${V1}/room/${enc(roomId)}/media`)
    expect([new Set(inRoom.local), inRoom.remote]).toEqual([
      new Set([bad, same, sticker].map((id) => `mxc://${own}/${id}`)),
      ['mxc://elsewhere.example/far'],
    ])
    expect(await admin.post(`${V1}/room/${enc(roomId)}/media/quarantine`)).toEqual({ num_quarantined: 3 })
    expect(await Promise.all([bad, same, sticker, avatar].map((id) => status(bob, own, id)))).toEqual([
      404, 404, 200, 200,
    ])
    expect(await admin.post(`${V1}/quarantine_media/${enc(roomId)}`)).toEqual({ num_quarantined: 0 })
    await admin.post(`${V1}/media/unprotect/${sticker}`)
    expect(await admin.post(`${V1}/user/${enc(alice.userId)}/media/quarantine`)).toEqual({ num_quarantined: 2 })
    expect(await status(bob, own, sticker)).toBe(404)
    for (const path of [
      `/room/${enc('!none:here')}/media/quarantine`,
      `/user/${enc('@none:here')}/media/quarantine`,
      '/media/protect/none',
    ])
      expect((await admin.request('POST', `${V1}${path}`, { body: {} })).status).toBe(404)
    expect((await admin.request('POST', `${V1}/media/quarantine/${own}/${enc('a b')}`, { body: {} })).status).toBe(400)
  })

  test('old and large media are deleted, and avatars kept unless asked for', async () => {
    await using world = await administered(start)
    const { server, admin } = world
    const own = server.serverName
    const alice = await server.register('alice')
    const [small, large] = [await upload(server, alice, 's'), await upload(server, alice, 'large enough')]
    const avatar = await upload(server, alice, 'an avatar of mine')
    const badge = await upload(server, alice, 'an avatar of a room')
    await alice.put(`/v3/profile/${enc(alice.userId)}/avatar_url`, { avatar_url: `mxc://${own}/${avatar}` })
    const roomId = await alice.createRoom()
    await alice.setState(roomId, 'm.room.avatar', '', { url: `mxc://${own}/${badge}` })
    const path = `${V1}/media/delete`
    const before_ts = Date.now() + 60_000
    expect(await admin.post(`${path}?before_ts=1`)).toEqual({ deleted_media: [], total: 0 })
    expect(await admin.post(`${path}?before_ts=${before_ts}&size_gt=5`)).toEqual({ deleted_media: [large], total: 1 })
    expect(await status(alice, own, small)).toBe(200)
    const all = await admin.post(`${V1}/media/${own}/delete?before_ts=${before_ts}&keep_profiles=false`)
    expect(new Set(all.deleted_media)).toEqual(new Set([small, avatar, badge]))
    for (const query of ['', '?before_ts=soon', '?before_ts=-1'])
      expect((await admin.request('POST', `${path}${query}`, { body: {} })).status).toBe(400)
  })
})

test('media of other servers: quarantine before and after they are here, over federation, and the cache is purged', async () => {
  await using federation = await startFederation()
  const [first, second] = [federation.at(0), federation.at(1)]
  const admin = await registerAdmin(first, 'root')
  const adminOfSecond = await registerAdmin(second, 'root')
  const bob = await second.register('bob')
  const [near, far, own] = [
    await upload(second, bob, 'near'),
    await upload(second, bob, 'far'),
    await upload(first, admin, 'ours'),
  ]
  expect(await status(admin, second.serverName, near)).toBe(200)
  const { media_info } = await admin.get(`${V1}/media/${second.serverName}/${near}`)
  expect(media_info).toMatchObject({ media_origin: second.serverName, user_id: null, media_length: 4 })
  await admin.post(`${V1}/media/quarantine/${second.serverName}/${near}`)
  await admin.post(`${V1}/media/quarantine/${second.serverName}/${far}`)
  for (const id of [near, far]) expect(await status(admin, second.serverName, id)).toBe(404)
  expect(await status(admin, first.serverName, await upload(first, admin, 'near'))).toBe(404)
  expect((await admin.request('GET', `${V1}/media/${second.serverName}/${far}`)).status).toBe(404)
  await admin.post(`${V1}/media/unquarantine/${second.serverName}/${near}`)
  expect(await status(admin, second.serverName, near)).toBe(200)
  await admin.post(`${V1}/media/quarantine/${first.serverName}/${own}`)
  expect(await status(adminOfSecond, first.serverName, own)).toBe(404)
  expect(await admin.post(`${V1}/purge_media_cache?before_ts=1`)).toEqual({ deleted: 0 })
  expect(await admin.post(`${V1}/purge_media_cache?before_ts=${Date.now() + 60_000}`)).toEqual({ deleted: 1 })
  expect((await admin.request('GET', `${V1}/media/${second.serverName}/${near}`)).status).toBe(404)
})
