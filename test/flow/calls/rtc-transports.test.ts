import { expect, it } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'

const PATHS = ['/v1/rtc/transports', '/unstable/org.matrix.msc4143/rtc/transports']
const urls = ['https://call.example.org/livekit/jwt', 'https://spare.example.org']
const transports = urls.map((url) => ({ type: 'livekit', livekit_service_url: url }))

it('transports of calls are told to users and guests, in the order of the configuration, and to nobody else', async () => {
  const settings = { voip: { livekitUrls: urls }, server: { publicBaseUrl: 'https://matrix.example.org' } }
  await using homeserver = await startHomeserver({ settings })
  const alice = await homeserver.register('alice')
  for (const path of PATHS) {
    expect(await alice.get(path)).toEqual({ rtc_transports: transports })
    const stranger = await homeserver.client().request('GET', path)
    expect([stranger.status, stranger.body.errcode]).toEqual([401, 'M_MISSING_TOKEN'])
  }
  const wellKnown = await alice.get('/.well-known/matrix/client')
  expect(wellKnown['org.matrix.msc4143.rtc_foci']).toEqual(transports)
  expect((await alice.get('/versions')).unstable_features['org.matrix.msc4143']).toBe(true)
})

it('without a service there are none', async () => {
  const settings = { server: { publicBaseUrl: 'https://matrix.example.org' } }
  await using homeserver = await startHomeserver({ settings })
  const alice = await homeserver.register('alice')
  for (const path of PATHS) expect(await alice.get(path)).toEqual({ rtc_transports: [] })
  expect(await alice.get('/.well-known/matrix/client')).not.toHaveProperty(['org.matrix.msc4143.rtc_foci'])
})

it('a service that is no URL is a mistake in the configuration', async () => {
  await expect(startHomeserver({ settings: { voip: { livekitUrls: ['call'] } } })).rejects.toThrow('voip.livekitUrls')
})

it('a service that lets users into calls learns by an OpenID token who they are', async () => {
  await using homeserver = await startHomeserver()
  const alice = await homeserver.register('alice')
  const path = `/v3/user/${encodeURIComponent(alice.userId)}/openid/request_token`
  const token = await alice.post(path)
  expect(token).toMatchObject({ token_type: 'Bearer', expires_in: 3_600, matrix_server_name: homeserver.serverName })
  const userinfo = (query: Record<string, string>) =>
    homeserver.client().request('GET', '/_matrix/federation/v1/openid/userinfo', { query })
  expect(await userinfo({ access_token: token.access_token })).toMatchObject({
    status: 200,
    body: { sub: alice.userId },
  })
  expect(await userinfo({ access_token: 'x' })).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } })
  expect(await userinfo({})).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } })
})
