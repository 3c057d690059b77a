import { generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { canonicalJson } from '#rules'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import {
  answering,
  type SeenRequest,
  StrangeIdentityServer,
} from '../../support/other-servers/strange-identity-server.ts'

const enc = encodeURIComponent
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const KEY = publicKey.export({ format: 'der', type: 'spki' }).subarray(12).toString('base64').replaceAll('=', '')
const TOKEN = 'token-of-the-invite'
/** The SHA-256 of "bob@example.org email pepper", made by another tool. */
const HASH = 'Q7m2hACJOO3VkFfldR9Pa1XN6FvI5VhF_EimM-MWEI4'

const signed = (object: Record<string, string>) => {
  const text = canonicalJson(object)
  if (!text.ok) throw new Error('not canonical')
  const signature = sign(null, Buffer.from(text.value), privateKey).toString('base64').replaceAll('=', '')
  return { ...object, signatures: { 'id.example': { 'ed25519:0': signature } } }
}

describe('An identity server that answers as it likes', () => {
  let homeserver: TestHomeserver
  let strange: StrangeIdentityServer
  let ada: TestClient
  let bob: TestClient
  /** Whether it calls its key valid. */
  let isValid: unknown
  let answers: Record<string, unknown>

  beforeAll(async () => {
    strange = await StrangeIdentityServer.start()
    homeserver = await startHomeserver({ settings: { identityServers: { trusted: [strange.url] } } })
    ada = await homeserver.register('ada')
    bob = await homeserver.register('bob')
  })
  afterAll(async () => {
    await homeserver.stop()
    await strange.stop()
  })
  beforeEach(() => {
    isValid = true
    const validityUrl = `${strange.url}/isvalid`
    answers = {
      hash_details: { lookup_pepper: 'pepper', algorithms: ['none', 'sha256'] },
      lookup: { mappings: {} },
      'store-invite': {
        token: TOKEN,
        display_name: 'b...@e...',
        public_keys: [{ public_key: KEY, key_validity_url: validityUrl }],
      },
    }
    strange.seen.splice(0)
    strange.mood = (response, request) => {
      const name = new URL(request.path, strange.url).pathname.split('/').at(-1) ?? ''
      const body = name === 'isvalid' ? { valid: isValid } : answers[name]
      answering(body === undefined ? 404 : 200, JSON.stringify(body ?? { errcode: 'M_NOT_FOUND' }))(response, request)
    }
  })

  const access = () => ({ id_server: strange.name, id_access_token: 'token' })
  const invite = async (roomId: string, extra = {}) =>
    ada.request('POST', `/v3/rooms/${enc(roomId)}/invite`, {
      body: { medium: 'email', address: 'bob@example.org', ...access(), ...extra },
    })
  const room = async (): Promise<string> => {
    const roomId = await ada.createRoom()
    expect((await invite(roomId)).status).toBe(200)
    return roomId
  }
  const membership = async (roomId: string): Promise<string | undefined> => {
    const path = `/v3/rooms/${enc(roomId)}/state/m.room.member/${enc(bob.userId)}`
    return (await ada.request('GET', path)).body.membership
  }
  const onBind = (invites: Json, mxid: string = bob.userId, method = 'PUT') =>
    bob.request(method, '/_matrix/federation/v1/3pid/onbind', {
      token: null,
      body: { medium: 'email', address: 'bob@example.org', mxid, invites },
    })
  const handed = (roomId: string, proof: Json) => ({
    medium: 'email',
    address: 'bob@example.org',
    mxid: bob.userId,
    room_id: roomId,
    sender: ada.userId,
    signed: proof,
  })
  const join = (roomId: string, proof: unknown) =>
    bob.request('POST', `/v3/rooms/${enc(roomId)}/join`, { body: { third_party_signed: proof } })

  it('learns a hash of the address with its pepper, and what the mail may tell', async () => {
    const roomId = await ada.createRoom({ name: 'Name', creation_content: { type: 'm.space' } })
    await invite(roomId)
    const [details, lookup, store] = strange.seen as [SeenRequest, SeenRequest, SeenRequest]
    expect([details.method, details.path, details.headers.authorization]).toEqual([
      'GET',
      '/_matrix/identity/v2/hash_details',
      'Bearer token',
    ])
    expect(JSON.parse(lookup.body)).toEqual({
      algorithm: 'sha256',
      pepper: 'pepper',
      addresses: [HASH],
    })
    expect([store.path, JSON.parse(store.body)]).toEqual([
      '/_matrix/identity/v2/store-invite',
      expect.objectContaining({
        medium: 'email',
        address: 'bob@example.org',
        room_id: roomId,
        sender: ada.userId,
        room_name: 'Name',
        room_type: 'm.space',
        room_join_rules: 'invite',
        sender_display_name: 'ada',
      }),
    ])
  })

  it('is asked again once where its pepper was replaced, and by its first API where there is no token', async () => {
    const roomId = await ada.createRoom()
    answers.lookup = { errcode: 'M_INVALID_PEPPER', error: 'replaced' }
    expect((await invite(roomId)).status).toBe(400)
    expect(strange.seen.map(({ path }) => path.split('/').at(-1))).toEqual([
      'hash_details',
      'lookup',
      'hash_details',
      'lookup',
    ])
    strange.seen.splice(0)
    answers.lookup = { mxid: bob.userId }
    expect((await invite(roomId, { id_access_token: undefined })).status).toBe(200)
    expect(strange.seen.map(({ path }) => path)).toEqual([
      '/_matrix/identity/api/v1/lookup?medium=email&address=bob%40example.org',
    ])
    expect(await membership(roomId)).toBe('invite')
  })

  it.each([
    ['hash_details', {}],
    ['hash_details', { lookup_pepper: 'p', algorithms: ['none'] }],
    ['hash_details', { lookup_pepper: 7, algorithms: ['sha256'] }],
    ['lookup', { mappings: { [HASH]: 'no user' } }],
    ['store-invite', {}],
    ['store-invite', { token: 'a b', display_name: 'x', public_keys: [{ public_key: KEY }] }],
    ['store-invite', { token: 'x'.repeat(256), display_name: 'x', public_keys: [{ public_key: KEY }] }],
    ['store-invite', { token: 'x', display_name: 'x', public_keys: [] }],
    ['store-invite', { token: 'x', display_name: 'x', public_keys: [{ public_key: 'k'.repeat(5000) }] }],
    ['store-invite', { token: 'x', public_keys: [{ public_key: KEY }] }],
  ])('gets no event into a room by %s: %j', async (name, answer) => {
    answers[name] = answer
    const roomId = await ada.createRoom()
    expect(await invite(roomId)).toMatchObject({ status: 502, body: { errcode: 'M_UNKNOWN' } })
    const state: Json[] = await ada.get(`/v3/rooms/${enc(roomId)}/state`)
    expect(state.filter(({ type }) => type === 'm.room.third_party_invite')).toEqual([])
  })

  it.each(['PUT', 'POST'])('hands over invites by %s, which are taken if they are signed', async (method) => {
    const [good, bad] = [await room(), await room()]
    const proof = signed({ mxid: bob.userId, token: TOKEN })
    const forged = { ...proof, signatures: { 'id.example': { 'ed25519:0': 'A'.repeat(86) } } }
    const answer = await onBind(
      [handed(bad, forged), handed('!unknown:localhost', proof), handed(good, proof)],
      bob.userId,
      method,
    )
    expect([answer.status, answer.body]).toEqual([200, {}])
    expect([await membership(good), await membership(bad)]).toEqual(['invite', undefined])
    await bob.join(good)
    // Handed over again it does not make an invite of a member.
    expect((await onBind([handed(good, proof)])).status).toBe(200)
    expect(await membership(good)).toBe('join')
  })

  it.each([
    ['for somebody else', { mxid: '@carol:localhost', token: TOKEN }],
    ['with another token', { mxid: 'bob', token: 'another' }],
    ['without a token', { mxid: 'bob' }],
  ])('cannot bring anybody in by a proof %s', async (_name, content) => {
    const roomId = await room()
    const { mxid, ...rest } = content
    const proof = signed({ mxid: mxid === 'bob' ? bob.userId : mxid, ...rest } as Record<string, string>)
    expect((await onBind([handed(roomId, proof)])).status).toBe(200)
    expect((await join(roomId, proof)).status).toBeGreaterThanOrEqual(400)
    expect(await membership(roomId)).toBeUndefined()
  })

  it('lets people in who bring its signature with their join', async () => {
    const roomId = await room()
    const proof = signed({ mxid: bob.userId, token: TOKEN, sender: ada.userId })
    for (const wrong of ['text', 7, [], {}, { ...proof, signatures: {} }])
      expect((await join(roomId, wrong)).status).toBeGreaterThanOrEqual(400)
    expect((await join(roomId, proof)).status).toBe(200)
    expect(await membership(roomId)).toBe('join')
  })

  it.each([false, 'yes', undefined])('is asked whether its key is still valid: %j is no', async (answer) => {
    const roomId = await room()
    isValid = answer
    expect((await join(roomId, signed({ mxid: bob.userId, token: TOKEN }))).status).toBe(403)
    const asked = strange.seen.at(-1)
    expect(asked?.path).toBe(`/isvalid?public_key=${enc(KEY)}`)
  })

  it('is the only one that is asked: a URL in a room leads nowhere else', async () => {
    await using other = await StrangeIdentityServer.start()
    other.mood = answering(200, '{"valid":true}')
    const roomId = await ada.createRoom()
    const content = { display_name: 'x', public_key: KEY, key_validity_url: `${other.url}/isvalid` }
    await ada.setState(roomId, 'm.room.third_party_invite', TOKEN, content)
    expect((await join(roomId, signed({ mxid: bob.userId, token: TOKEN }))).status).toBe(403)
    expect(other.seen).toEqual([])
  })

  it('cannot bring in the banned, nor those who take no invites', async () => {
    const roomId = await room()
    await ada.ban(roomId, bob.userId)
    const proof = signed({ mxid: bob.userId, token: TOKEN })
    expect((await join(roomId, proof)).status).toBe(403)
    expect(await membership(roomId)).toBe('ban')
    const quiet = await homeserver.register('quiet')
    await quiet.put(`/v3/user/${enc(quiet.userId)}/account_data/m.invite_permission_config`, {
      default_action: 'block',
    })
    const other = await room()
    await onBind([{ ...handed(other, signed({ mxid: quiet.userId, token: TOKEN })) }], quiet.userId)
    expect((await ada.request('GET', `/v3/rooms/${enc(other)}/state/m.room.member/${enc(quiet.userId)}`)).status).toBe(
      404,
    )
  })

  it.each([
    {},
    { mxid: 'x', invites: [] },
    { mxid: '@b:localhost', invites: 'all' },
    { mxid: '@b:localhost', invites: [{ room_id: 7, signed: {} }] },
    { mxid: '@b:localhost', invites: [{ room_id: 'x', signed: {} }] },
    { mxid: '@b:localhost', invites: Array.from({ length: 101 }, () => ({ room_id: '!a:b', signed: {} })) },
  ])('is refused what is no message of a bound address: %j', async (body) => {
    const answer = await bob.request('PUT', '/_matrix/federation/v1/3pid/onbind', { token: null, body })
    expect(answer.status).toBe(400)
  })
})
