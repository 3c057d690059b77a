import { createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canonicalJson } from '#rules'
import type { Body, Json, TestClient } from '../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { answering, type Mood, type SeenRequest, StrangeIdentityServer } from '../support/strange-identity-server.ts'

const trusting = (...trusted: readonly string[]) =>
  startHomeserver({ settings: { identityServers: { trusted, requestTimeout: '1s' } } })

/** Asks this homeserver to publish an address there. */
const bindAt = async (client: TestClient, idServer: string, extra: Body = {}) => {
  const creds = { sid: 'abc', client_secret: 'secret', id_server: idServer, id_access_token: 'token', ...extra }
  const { status, body } = await client.request('POST', '/v3/account/3pid/bind', { body: creds })
  return [status, body.errcode]
}
const unbindAt = async (client: TestClient, idServer: string): Promise<Json> =>
  client.post('/v3/account/3pid/unbind', { medium: 'email', address: 'ada@example.org', id_server: idServer })

const threepid = { medium: 'email', address: 'ada@example.org' }
const bound = (mxid: string): string =>
  JSON.stringify({ ...threepid, mxid, ts: 1, not_before: 1, not_after: 2, signatures: {} })

describe('An identity server', () => {
  it('that the operator does not trust is not contacted, however it is spelled', async () => {
    await using strange = await StrangeIdentityServer.start()
    await using trusted = await StrangeIdentityServer.start()
    await using homeserver = await trusting(trusted.url)
    const ada = await homeserver.register('ada')
    for (const name of [
      strange.name,
      strange.url,
      `${trusted.name}@${strange.name}`,
      `${trusted.name}/../${strange.name}`,
      `${trusted.name}#${strange.name}`,
      `${trusted.name}.evil.example`,
      'localhost',
      '',
      'x'.repeat(3000),
    ]) {
      expect(await bindAt(ada, name)).toMatchObject([400, 'M_SERVER_NOT_TRUSTED'])
      expect(await unbindAt(ada, name)).toEqual({ id_server_unbind_result: 'no-support' })
    }
    expect([...strange.seen, ...trusted.seen]).toEqual([])
  })

  it('is spoken to with TLS where its name alone is trusted', async () => {
    await using strange = await StrangeIdentityServer.start()
    await using homeserver = await trusting(strange.name)
    const ada = await homeserver.register('ada')
    expect(await bindAt(ada, strange.name)).toMatchObject([502, 'M_UNKNOWN'])
    expect(strange.seen).toEqual([])
  })

  it('is known by its name in any case, and by its URL', async () => {
    await using strange = await StrangeIdentityServer.start()
    const url = strange.url.replace('127.0.0.1', 'LocalHost')
    await using homeserver = await trusting(url)
    const ada = await homeserver.register('ada')
    strange.mood = answering(200, bound(ada.userId))
    const name = new URL(url).host
    for (const spelling of [name, name.toUpperCase(), `https://${name}`, `http://${name}/`]) {
      expect(await bindAt(ada, spelling)).toEqual([200, undefined])
    }
    expect(strange.seen.length).toBe(4)
  })
})

describe('What an identity server answers', () => {
  const huge: Mood = (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write(`{"medium":"email","address":"`)
    const more = (): void => {
      while (response.writable && response.write('x'.repeat(65_536)));
    }
    response.on('drain', more)
    more()
  }
  const moods: readonly (readonly [string, (homeserver: TestHomeserver, ada: TestClient) => Mood])[] = [
    ['nothing at all', () => () => {}],
    ['half an answer', () => (response) => void response.writeHead(200).write('{"medium":')],
    ['no JSON', () => answering(200, '<html>')],
    ['JSON that is no object', () => answering(200, '[]')],
    ['an empty object', () => answering(200, '{}')],
    ['deep JSON', () => answering(200, '['.repeat(100_000))],
    ['without an end', () => huge],
    ['an error of its own', () => answering(500, '{"errcode":"M_UNKNOWN","error":"oh"}')],
    ['an error that is no standard error', () => answering(404, 'not here')],
    ['something else than was asked', () => answering(200, bound('@bob:localhost'))],
    [
      'an address that is none',
      (_, { userId }) => answering(200, bound(userId).replace('ada@example.org', 'ada@@x y')),
    ],
    ['a redirect', ({ url }) => answering(307, '{}', { location: url })],
  ]
  let strange: StrangeIdentityServer
  let homeserver: TestHomeserver
  let ada: TestClient
  beforeAll(async () => {
    strange = await StrangeIdentityServer.start()
    homeserver = await trusting(strange.url)
    ada = await homeserver.register('ada')
  })
  afterAll(async () => {
    await homeserver.stop()
    await strange.stop()
  })

  it.each(moods)('is not believed, nor waited for: %s', async (_name, moodOf) => {
    strange.mood = moodOf(homeserver, ada)
    expect(await bindAt(ada, strange.name)).toEqual([502, 'M_UNKNOWN'])
    strange.mood = answering(200, bound(ada.userId))
    expect(await bindAt(ada, strange.name)).toEqual([200, undefined])
  })

  it('is passed on where it is a refusal, within bounds', async () => {
    strange.mood = answering(403, JSON.stringify({ errcode: 'M_TERMS_NOT_SIGNED', error: 'x'.repeat(100_000) }))
    const path = '/v3/account/3pid/bind'
    const creds = { sid: 'abc', client_secret: 'secret', id_server: strange.name, id_access_token: 'token' }
    const { status, body } = await ada.request('POST', path, { body: creds })
    expect([status, body]).toEqual([403, { errcode: 'M_TERMS_NOT_SIGNED', error: 'x'.repeat(500) }])
    // Nothing is sent with a token or a secret that could not be one.
    const sent = strange.seen.length
    expect(await bindAt(ada, strange.name, { id_access_token: 'a\r\nHost: b' })).toMatchObject([400, 'M_UNKNOWN_TOKEN'])
    expect(await bindAt(ada, strange.name, { client_secret: 'a b' })).toEqual([403, 'M_THREEPID_AUTH_FAILED'])
    expect(strange.seen.length).toBe(sent)
  })
})

/** The members of an `X-Matrix` header. */
const membersOf = ({ headers }: SeenRequest): Json =>
  Object.fromEntries(
    [...(headers.authorization ?? '').matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  )

describe('What an identity server is sent', () => {
  it('goes by v2 with the token of the client, by v1 without one', async () => {
    await using strange = await StrangeIdentityServer.start()
    await using homeserver = await trusting(strange.url)
    const ada = await homeserver.register('ada')
    strange.mood = answering(200, bound(ada.userId))
    await bindAt(ada, strange.name)
    await bindAt(ada, strange.name, { id_access_token: undefined })
    expect(strange.seen.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/_matrix/identity/v2/3pid/bind', 'Bearer token'],
      ['/_matrix/identity/api/v1/3pid/bind', undefined],
    ])
    const sent = { sid: 'abc', client_secret: 'secret', mxid: ada.userId }
    expect(strange.seen.map(({ body }) => JSON.parse(body))).toEqual([sent, sent])
  })

  it('is signed by this homeserver where an address is to be forgotten; v1 is tried where there is no v2', async () => {
    await using strange = await StrangeIdentityServer.start()
    await using homeserver = await trusting(strange.url)
    const ada = await homeserver.register('ada')
    strange.mood = (response, request) =>
      answering(request.path.startsWith('/_matrix/identity/v2') ? 404 : 200, '{}')(response, request)
    expect(await unbindAt(ada, strange.name)).toEqual({ id_server_unbind_result: 'success' })
    const keys: Json = await (await fetch(`${homeserver.url}/_matrix/key/v2/server`)).json()
    const paths = ['/_matrix/identity/v2/3pid/unbind', '/_matrix/identity/api/v1/3pid/unbind']
    expect(strange.seen.map(({ path }) => path)).toEqual(paths)
    for (const request of strange.seen) {
      const { origin, key, sig } = membersOf(request)
      const content = JSON.parse(request.body)
      expect(content).toEqual({ mxid: ada.userId, threepid })
      const text = canonicalJson({ method: 'POST', uri: request.path, origin, destination_is: strange.name, content })
      const x = Buffer.from(keys.verify_keys[key].key, 'base64').toString('base64url')
      const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
      expect(text.ok && verify(null, Buffer.from(text.value), publicKey, Buffer.from(sig, 'base64'))).toBe(true)
    }
  })

  it('may be forgotten there or not: the client is told', async () => {
    await using strange = await StrangeIdentityServer.start()
    await using homeserver = await trusting(strange.url)
    const ada = await homeserver.register('ada')
    for (const mood of [
      answering(403, '{"errcode":"M_FORBIDDEN","error":"no"}'),
      answering(501, ''),
      answering(200, 'no'),
    ]) {
      strange.mood = mood
      expect(await unbindAt(ada, strange.name)).toEqual({ id_server_unbind_result: 'no-support' })
    }
  })
})

it('A registration lives on, whatever the identity server answers, and when there is none', async () => {
  await using homeserver = await startHomeserver({
    settings: { registration: { email: 'required' }, identityServers: { trusted: ['http://127.0.0.1:9'] } },
  })
  const { attempt } = await beginRegistration(homeserver)
  expect(await attempt('127.0.0.1:9')).toMatchObject([401, 'M_UNKNOWN'])

  await using strange = await StrangeIdentityServer.start()
  await using another = await startHomeserver({
    settings: {
      registration: { email: 'required' },
      identityServers: { trusted: [strange.url], requestTimeout: '1s' },
    },
  })
  const here = await beginRegistration(another)
  const moods: readonly Mood[] = [
    () => {},
    answering(200, '{}'),
    answering(200, JSON.stringify({ ...threepid, validated_at: '1' })),
    answering(200, JSON.stringify({ medium: 'email', address: 'a@b@c', validated_at: 1 })),
    answering(200, JSON.stringify({ medium: 'pigeon', address: 'ada@example.org', validated_at: 1 })),
    answering(502, 'proxy'),
  ]
  for (const mood of moods) {
    strange.mood = mood
    expect(await here.attempt(strange.name)).toMatchObject([401, 'M_UNKNOWN'])
  }
  for (const errcode of ['M_NO_VALID_SESSION', 'M_SESSION_NOT_VALIDATED', 'M_SESSION_EXPIRED']) {
    for (const status of [400, 200]) {
      strange.mood = answering(status, JSON.stringify({ errcode, error: '' }))
      expect(await here.attempt(strange.name)).toMatchObject([401, 'M_UNAUTHORIZED'])
    }
  }
  strange.mood = answering(200, JSON.stringify({ ...threepid, validated_at: 1_457_622_739_026 }))
  expect(await here.attempt(strange.name)).toMatchObject([200, undefined])
  const { path } = strange.seen[0] ?? {}
  expect(path).toBe('/_matrix/identity/api/v1/3pid/getValidated3pid?sid=abc&client_secret=secret')
})

const beginRegistration = async (homeserver: TestHomeserver) => {
  const register = (body: object) => homeserver.client().request('POST', '/v3/register', { body })
  const wish = { username: 'ada', password: 'correct horse' }
  const { session } = (await register(wish)).body
  const attempt = async (id_server: string) => {
    const threepid_creds = { sid: 'abc', client_secret: 'secret', id_server }
    const auth = { type: 'm.login.email.identity', session, threepid_creds }
    const { status, body } = await register({ ...wish, auth })
    return [status, body.errcode]
  }
  return { attempt }
}
