import { createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '#config'
import { canonicalJson } from '#rules'
import type { Body, Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import {
  answering,
  type Mood,
  type SeenRequest,
  StrangeIdentityServer,
} from '../../support/other-servers/strange-identity-server.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

/** That of all homeservers here: who waits in vain need not really wait. */
const clock = new SteppedClock()
const TIMEOUT_MS = 10_000
const hanging: Mood = () => clock.advance(TIMEOUT_MS)

const trusting = (...trusted: readonly string[]) =>
  startHomeserver({ clock, settings: { identityServers: { trusted, requestTimeout: '10s' } } })

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
      expect(await bindAt(ada, name)).toEqual([400, 'M_SERVER_NOT_TRUSTED'])
      expect(await unbindAt(ada, name)).toEqual({ id_server_unbind_result: 'no-support' })
    }
    expect([...strange.seen, ...trusted.seen]).toEqual([])
  })

  it('is spoken to with TLS where its name alone is trusted', async () => {
    await using strange = await StrangeIdentityServer.start()
    await using homeserver = await trusting(strange.name)
    const ada = await homeserver.register('ada')
    expect(await bindAt(ada, strange.name)).toEqual([502, 'M_UNKNOWN'])
    expect(strange.seen).toEqual([])
  })

  it('may be trusted at any port, with TLS', async () => {
    await using strange = await StrangeIdentityServer.start()
    await using homeserver = await trusting('127.0.0.1:*')
    const ada = await homeserver.register('ada')
    expect(await bindAt(ada, strange.name)).toEqual([502, 'M_UNKNOWN'])
    expect(await bindAt(ada, `localhost:${strange.name.split(':')[1]}`)).toEqual([400, 'M_SERVER_NOT_TRUSTED'])
    expect(strange.seen).toEqual([])
  })

  it.each([
    ['', 'ftp://id.example.org', 'https://id.example.org/path', 'https://me@id.example.org', 'a b'],
    ['id.example.org:80:*', ':*', 'https://id.example.org:*', 'id.example.org:99999'],
  ])('is a name or the URL of a server: not %j', (...wrong: readonly string[]) => {
    for (const one of wrong) {
      const text = JSON.stringify({ identityServers: { trusted: ['id.example.org', one] } })
      expect(() => loadConfig({ file: { name: 'settings', text } })).toThrow('identityServers.trusted: expected')
    }
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

/** Both for all tests of a group; asked for what they are only while tests run. */
const sharedServers = () => {
  let made: { strange: StrangeIdentityServer; homeserver: TestHomeserver; ada: TestClient } | undefined
  const get = () => {
    if (made === undefined) throw new Error('nothing was started')
    return made
  }
  beforeAll(async () => {
    const strange = await StrangeIdentityServer.start()
    const homeserver = await trusting(strange.url)
    made = { strange, homeserver, ada: await homeserver.register('ada') }
  })
  beforeEach(() => void get().strange.seen.splice(0))
  afterAll(async () => {
    await get().homeserver.stop()
    await get().strange.stop()
  })
  return get
}

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
    ['nothing at all', () => hanging],
    [
      'half an answer',
      () => (response) => {
        response.writeHead(200).write('{"medium":')
        clock.advance(TIMEOUT_MS)
      },
    ],
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
  const servers = sharedServers()

  it.each(moods)('is not believed, nor waited for: %s', async (_name, moodOf) => {
    const { strange, homeserver, ada } = servers()
    strange.mood = moodOf(homeserver, ada)
    expect(await bindAt(ada, strange.name)).toEqual([502, 'M_UNKNOWN'])
    strange.mood = answering(200, bound(ada.userId))
    expect(await bindAt(ada, strange.name)).toEqual([200, undefined])
  })

  it('is passed on where it is a refusal, within bounds', async () => {
    const { strange, ada } = servers()
    strange.mood = answering(403, JSON.stringify({ errcode: 'M_TERMS_NOT_SIGNED', error: 'x'.repeat(100_000) }))
    const path = '/v3/account/3pid/bind'
    const creds = { sid: 'abc', client_secret: 'secret', id_server: strange.name, id_access_token: 'token' }
    const { status, body } = await ada.request('POST', path, { body: creds })
    expect([status, body]).toEqual([403, { errcode: 'M_TERMS_NOT_SIGNED', error: 'x'.repeat(500) }])
    // Nothing is sent with a token or a secret that could not be one.
    const sent = strange.seen.length
    expect(await bindAt(ada, strange.name, { id_access_token: 'a\r\nHost: b' })).toEqual([400, 'M_UNKNOWN_TOKEN'])
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
  const servers = sharedServers()

  it('goes by v2 with the token of the client, by v1 without one', async () => {
    const { strange, ada } = servers()
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
    const { strange, homeserver, ada } = servers()
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
    const { strange, ada } = servers()
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

it('No more questions are put to identity servers at a time than anybody needs', async () => {
  await using strange = await StrangeIdentityServer.start()
  await using homeserver = await trusting(strange.url)
  const ada = await homeserver.register('ada')
  let answered = 0
  const { promise: refused, resolve } = Promise.withResolvers<void>()
  const answers = Array.from({ length: 80 }, async () => {
    const answer = await bindAt(ada, strange.name)
    answered += 1
    if (answered === 80 - 64) resolve()
    return answer
  })
  await refused
  clock.advance(TIMEOUT_MS)
  expect(new Set((await Promise.all(answers)).map(String))).toEqual(new Set(['502,M_UNKNOWN']))
  expect(strange.seen.length).toBeLessThanOrEqual(64)
  strange.mood = answering(200, bound(ada.userId))
  expect(await bindAt(ada, strange.name)).toEqual([200, undefined])
})

it('A registration lives on, whatever the identity server answers, and when there is none', async () => {
  const gone = await StrangeIdentityServer.start()
  const { name, url } = gone
  await gone.stop()
  await using homeserver = await startHomeserver({
    settings: { registration: { email: 'required' }, identityServers: { trusted: [url] } },
  })
  const { attempt } = await beginRegistration(homeserver)
  expect(await attempt(name)).toEqual([401, 'M_UNKNOWN'])

  await using strange = await StrangeIdentityServer.start()
  await using another = await startHomeserver({
    clock,
    settings: {
      registration: { email: 'required' },
      identityServers: { trusted: [strange.url] },
    },
  })
  const here = await beginRegistration(another)
  const moods: readonly Mood[] = [
    hanging,
    answering(200, '{}'),
    answering(200, JSON.stringify({ ...threepid, validated_at: '1' })),
    answering(200, JSON.stringify({ medium: 'email', address: 'a@b@c', validated_at: 1 })),
    answering(200, JSON.stringify({ medium: 'pigeon', address: 'ada@example.org', validated_at: 1 })),
    answering(502, 'proxy'),
  ]
  for (const mood of moods) {
    strange.mood = mood
    expect(await here.attempt(strange.name)).toEqual([401, 'M_UNKNOWN'])
  }
  for (const errcode of ['M_NO_VALID_SESSION', 'M_SESSION_NOT_VALIDATED', 'M_SESSION_EXPIRED']) {
    for (const status of [400, 200]) {
      strange.mood = answering(status, JSON.stringify({ errcode, error: '' }))
      expect(await here.attempt(strange.name)).toEqual([401, 'M_UNAUTHORIZED'])
    }
  }
  strange.mood = answering(200, JSON.stringify({ ...threepid, validated_at: 1_457_622_739_026 }))
  expect(await here.attempt(strange.name)).toEqual([200, undefined])
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
