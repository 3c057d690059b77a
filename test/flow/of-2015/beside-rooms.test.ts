import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Json, PASSWORD, type TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { askOld, doOld, getOld, refusalOf, V1, V2 } from '../../support/old-client.ts'

const enc = encodeURIComponent
const MEDIA = '/_matrix/media/v1'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
beforeAll(async () => {
  homeserver = await startHomeserver({
    settings: { voip: { turnUris: ['turn:turn.example.org?transport=udp'], turnSharedSecret: 'north' } },
  })
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
})
afterAll(() => homeserver.stop())

describe('under the prefixes of 2015', () => {
  it('a new password takes authentication, and identifiers are listed', async () => {
    const carol = await homeserver.register('carol')
    expect(await getOld(carol, `${V2}/account/3pid`)).toEqual({ threepids: [] })
    const path = `${V2}/account/password`
    const wish = { new_password: 'quite another one' }
    const question = await askOld(carol, 'POST', path, wish)
    const { session, flows } = question.body
    expect([question.status, flows]).toEqual([401, [{ stages: ['m.login.password'] }]])
    const auth = { type: 'm.login.password', session, user: 'carol' }
    const wrong = await askOld(carol, 'POST', path, { ...wish, auth: { ...auth, password: 'wrong' } })
    expect([wrong.status, wrong.body.errcode]).toEqual([401, 'M_FORBIDDEN'])
    expect(await doOld(carol, 'POST', path, { ...wish, auth: { ...auth, password: PASSWORD } })).toEqual({})
    const login = { type: 'm.login.password', user: 'carol' }
    const nobody = homeserver.client()
    expect(await refusalOf(nobody, 'POST', '/login', { ...login, password: PASSWORD })).toEqual([403, 'M_FORBIDDEN'])
    expect((await doOld(nobody, 'POST', '/login', { ...login, password: wish.new_password })).user_id).toBe(
      carol.userId,
    )
  })

  it('a stage is passed on its fallback page, and the request goes on with the session alone', async () => {
    const nobody = homeserver.client()
    const wish = { username: 'dora', password: PASSWORD }
    const { session } = (await nobody.request('POST', `${V2}/register`, { body: wish })).body
    const url = `${homeserver.url}${V2}/auth/m.login.dummy/fallback/web?session=${enc(session)}`
    const page = await fetch(url)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect((await nobody.request('POST', `${V2}/register`, { body: { auth: { session } } })).status).toBe(401)
    const done = await fetch(url, { method: 'POST', body: new URLSearchParams({ session }) })
    expect(await done.text()).toContain('onAuthDone')
    const made = await nobody.request('POST', `${V2}/register`, { body: { auth: { session } } })
    expect([made.status, made.body.user_id]).toEqual([200, `@dora:${homeserver.serverName}`])
  })

  it('profiles are set by their owner alone, and read by anybody', async () => {
    const path = `/profile/${enc(alice.userId)}`
    const picture = `mxc://${homeserver.serverName}/wefh34uihSDRGhw34`
    expect(await doOld(alice, 'PUT', `${path}/displayname`, { displayname: 'Alice Margatroid' })).toEqual({})
    expect(await doOld(alice, 'PUT', `${path}/avatar_url`, { avatar_url: picture })).toEqual({})
    expect(await refusalOf(bob, 'PUT', `${path}/displayname`, { displayname: 'Bob' })).toEqual([403, 'M_FORBIDDEN'])
    const nobody = homeserver.client()
    expect(await nobody.get(`${V1}${path}`)).toMatchObject({ displayname: 'Alice Margatroid', avatar_url: picture })
    expect(await nobody.get(`${V1}${path}/displayname`)).toEqual({ displayname: 'Alice Margatroid' })
    expect(await nobody.get(`${V1}${path}/avatar_url`)).toEqual({ avatar_url: picture })
    const unknown = `/profile/${enc(`@nobody:${homeserver.serverName}`)}`
    for (const one of [unknown, `${unknown}/avatar_url`])
      expect(await refusalOf(alice, 'GET', one)).toEqual([404, 'M_NOT_FOUND'])
    // The picture of somebody without one.
    const missing = `/profile/${enc(bob.userId)}/avatar_url`
    expect(await nobody.request('GET', `${V1}${missing}`)).toMatchObject({ status: 200, body: { avatar_url: null } })
    expect(await nobody.request('GET', `${V2}${missing}`)).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    })
  })

  it('presence is set for oneself, and read by who shares a room', async () => {
    const path = `/presence/${enc(alice.userId)}/status`
    const presence = { presence: 'unavailable', status_msg: 'I am here.' }
    expect(await doOld(alice, 'PUT', path, presence)).toEqual({})
    expect(await refusalOf(bob, 'PUT', path, presence)).toEqual([403, 'M_FORBIDDEN'])
    expect((await askOld(bob, 'GET', path)).status).toBe(403)
    const { room_id: roomId } = await doOld(alice, 'POST', '/createRoom', { visibility: 'public' })
    await doOld(bob, 'POST', `/join/${enc(roomId)}`, {})
    const status = await getOld(bob, path)
    expect(status).toMatchObject({ ...presence, last_active_ago: expect.any(Number) })
    expect(status.last_active_ago).toBeLessThan(60_000)
    expect((await askOld(alice, 'PUT', path, { presence: 'asleep' })).status).toBe(400)
  })

  it('presence lists hold presence, names and pictures of who agreed to be listed, and are one’s own', async () => {
    const [erin, finn] = [await homeserver.register('erin'), await homeserver.register('finn')]
    const listOf = ({ userId }: TestClient): string => `/presence/list/${enc(userId)}`
    await doOld(finn, 'PUT', `/profile/${enc(finn.userId)}/displayname`, { displayname: 'Marisa Kirisame' })
    await doOld(finn, 'PUT', `/presence/${enc(finn.userId)}/status`, { presence: 'free_for_chat' })
    expect(await doOld(erin, 'POST', listOf(erin), { invite: [finn.userId] })).toEqual({})
    expect(await getOld(erin, listOf(erin))).toEqual([])
    await doOld(finn, 'POST', listOf(finn), { invite: [erin.userId] })
    const content = { user_id: finn.userId, displayname: 'Marisa Kirisame', presence: 'free_for_chat' }
    expect(await getOld(erin, listOf(erin))).toMatchObject([
      { type: 'm.presence', content: { ...content, last_active_ago: expect.any(Number) } },
    ])
    expect(await refusalOf(finn, 'GET', listOf(erin))).toEqual([403, 'M_FORBIDDEN'])
    expect(await doOld(erin, 'POST', listOf(erin), { drop: [finn.userId] })).toEqual({})
    expect(await getOld(erin, listOf(erin))).toEqual([])
  })

  it('TURN servers come with a name and password for some time', async () => {
    const answer = await getOld(alice, '/voip/turnServer')
    expect(answer).toEqual({
      username: expect.stringMatching(/^\d+:/),
      password: expect.any(String),
      uris: ['turn:turn.example.org?transport=udp'],
      ttl: expect.any(Number),
    })
    expect(await refusalOf(homeserver.client(), 'GET', '/voip/turnServer')).toEqual([403, 'M_MISSING_TOKEN'])
  })

  it('pushers are set, listed, and removed by the kind null', async () => {
    const pusher = {
      pushkey: 'key',
      kind: 'http',
      profile_tag: 'tag',
      app_id: 'org.example.app',
      app_display_name: 'App',
      device_display_name: 'Phone',
      lang: 'en',
      data: { url: 'https://push.example.org/_matrix/push/v1/notify' },
    }
    expect(await doOld(alice, 'POST', '/pushers/set', pusher)).toEqual({})
    expect((await getOld(alice, '/pushers')).pushers).toMatchObject([pusher])
    expect((await askOld(alice, 'POST', '/pushers/set', { ...pusher, data: {} })).status).toBe(400)
    const gone = { pushkey: 'key', app_id: 'org.example.app', kind: null }
    expect(await doOld(alice, 'POST', '/pushers/set', gone)).toEqual({})
    expect((await getOld(alice, '/pushers')).pushers).toEqual([])
  })

  it('content is uploaded, downloaded with its type and name, and shown as thumbnails, never larger than it is', async () => {
    const picture = await sharp({ create: { width: 300, height: 200, channels: 3, background: 'teal' } })
      .png()
      .toBuffer()
    const upload = await fetch(`${homeserver.url}${MEDIA}/upload?access_token=${alice.accessToken}&filename=tea.png`, {
      method: 'POST',
      headers: { 'content-type': 'image/png' },
      body: new Uint8Array(picture),
    })
    const { content_uri: uri }: Json = await upload.json()
    expect([upload.status, uri]).toEqual([200, expect.stringMatching(`^mxc://${homeserver.serverName}/`)])
    const path = uri.slice('mxc://'.length)
    const download = await fetch(`${homeserver.url}${MEDIA}/download/${path}`)
    expect([download.status, download.headers.get('content-type')]).toEqual([200, 'image/png'])
    expect(download.headers.get('content-disposition')).toMatch(/filename="?tea\.png"?/)
    expect(Buffer.from(await download.arrayBuffer()).equals(picture)).toBe(true)
    const sizeOf = async (query: string): Promise<unknown[]> => {
      const answer = await fetch(`${homeserver.url}${MEDIA}/thumbnail/${path}?${query}`)
      const { width, height } = await sharp(Buffer.from(await answer.arrayBuffer())).metadata()
      return [answer.status, width, height]
    }
    expect(await sizeOf('width=32&height=32&method=crop')).toEqual([200, 32, 32])
    const [, width, height] = await sizeOf('width=96&height=96&method=scale')
    expect(Number(width) / Number(height)).toBeCloseTo(1.5, 1)
    expect(Number(width)).toBeLessThanOrEqual(300)
    expect(await sizeOf('width=640&height=480&method=scale')).toEqual([200, 300, 200])
  })
})

it('rate limits of 2015 say M_LIMIT_EXCEEDED, and how long to wait', async () => {
  await using limited = await startHomeserver({ settings: { rateLimits: { enabled: true, message: '2/60s' } } })
  const carol = await limited.register('carol')
  const { room_id: roomId } = await doOld(carol, 'POST', '/createRoom', {})
  const send = (): ReturnType<typeof askOld> =>
    askOld(carol, 'POST', `/rooms/${enc(roomId)}/send/m.room.message`, { msgtype: 'm.text', body: 'again' })
  let refused = await send()
  for (let n = 0; n < 100 && refused.status === 200; n++) refused = await send()
  expect([refused.status, refused.body]).toEqual([
    429,
    { errcode: 'M_LIMIT_EXCEEDED', error: expect.any(String), retry_after_ms: expect.any(Number) },
  ])
  expect(refused.body.retry_after_ms).toBeGreaterThan(0)
})
