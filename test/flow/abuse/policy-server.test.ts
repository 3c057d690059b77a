import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseVerifyKey } from '#rules'
import { type Json, TestClient } from '../../support/client.ts'
import type { PeerAnswer } from '../../support/federation-peer/requests.ts'
import { startFederation } from '../../support/federation-servers.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { enc, joinBy, PAIRS } from '../federation/memberships/two-servers.ts'
import {
  bodiesIn,
  HERE,
  openScene,
  type Scene,
  sendEvents,
  text,
  until,
  untilBody,
} from '../federation/receiving/scene.ts'
import { Program, temporaryFolder } from '../operation/cli-fixture.ts'

const SIGN = '/_matrix/policy/v1/sign'
const UNSTABLE = '/_matrix/policy/unstable/org.matrix.msc4284/sign'
const ON = { enabled: true, forbidden: ['casino', 'cheap*watches', 'fr?e money'], maxLinks: 2, maxMentions: 3 }

const publishedKey = async (server: TestHomeserver): Promise<string> => {
  const { body } = await server.client().request('GET', '/.well-known/matrix/policy_server')
  expect(Object.keys(body)).toEqual(['public_keys'])
  return body.public_keys.ed25519
}

/** The room has the server as its policy server from now on. */
const usePolicy = async (client: TestClient, roomId: string, server: TestHomeserver): Promise<string> => {
  const key = await publishedKey(server)
  await client.setState(roomId, 'm.room.policy', '', { via: server.serverName, public_keys: { ed25519: key } })
  return key
}

const tryTo = async (client: TestClient, roomId: string, content: Json, type = 'm.room.message') => {
  const path = `/v3/rooms/${enc(roomId)}/send/${enc(type)}/${client.nextTransaction()}`
  const { status, body } = await client.request('PUT', path, { body: content })
  return status === 200 ? 200 : [status, body.errcode, body.error]
}

const refusal = (error: string) => [400, 'M_FORBIDDEN', error]
const FORBIDDEN = refusal('It says something that is not allowed here')
const say = (body: string, more: Json = {}): Json => ({ msgtype: 'm.text', body, ...more })

const askToSign = (
  { peers }: Pick<Scene, 'peers'>,
  body: Json,
  { by = 0, uri = SIGN, ...more }: { by?: number; uri?: string; authorization?: null } = {},
): Promise<PeerAnswer> => {
  const peer = peers[by]
  if (peer === undefined) throw new Error('no such peer')
  return peer.request(HERE, { method: 'POST', uri, body, ...more })
}
const outcomeOf = ({ status, body }: PeerAnswer) => [status, body?.errcode]

const withPolicyServer = (policyServer: Json = ON, more: Json = {}) =>
  openScene({ settings: { policyServer, ...more }, peers: ['peer.example', 'stranger.servers.example'] })

describe.each(PAIRS)('a server as the policy server of its rooms, on %s', (_name, database) => {
  it('signs what keeps the rules, and what breaks them is refused to its sender', async () => {
    await using servers = await startFederation({ database, settingsOf: { 'first.example': { policyServer: ON } } })
    const [first, second] = [servers.at(0), servers.at(1)]
    const [alice, bob] = [await first.register('alice'), await second.register('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await joinBy(bob, roomId, first.serverName)
    await alice.sendText(roomId, 'the casino is closed')
    const key = await usePolicy(alice, roomId, first)
    await until(
      async () => (await bob.request('GET', `/v3/rooms/${enc(roomId)}/state/m.room.policy/`)).status,
      (status) => status === 200,
    )
    expect(await tryTo(bob, roomId, say('hello from afar'))).toBe(200)
    expect(await untilBody(alice, roomId, 'hello from afar')).toContain('hello from afar')
    expect(await tryTo(alice, roomId, say('hello from here'))).toBe(200)
    expect(await untilBody(bob, roomId, 'hello from here')).toContain('hello from here')
    for (const user of [alice, bob]) {
      for (const body of ['The CASINO!', 'ca\u200bsino', 'cheap and good watches', 'free money'])
        expect([body, await tryTo(user, roomId, say(body))]).toEqual([body, FORBIDDEN])
      const formatted = say('nothing', { format: 'org.matrix.custom.html', formatted_body: 'cas<b>in</b>o' })
      expect(await tryTo(user, roomId, formatted)).toEqual(FORBIDDEN)
    }
    expect(await bodiesIn(alice, roomId)).toEqual(['the casino is closed', 'hello from afar', 'hello from here'])
    // Whoever changes the policy is not asked about that, and then nothing is.
    await alice.setState(roomId, 'm.room.policy', '', {})
    await alice.sendText(roomId, 'casino again')
    expect(await untilBody(bob, roomId, 'casino again')).toHaveLength(4)
    await first.restart()
    expect(await publishedKey(first)).toBe(key)
    const own = await first.client().request('GET', '/_matrix/key/v2/server')
    expect(JSON.stringify(own.body)).not.toContain(key)
  })
})

describe('the rules of the policy server', () => {
  it('count links and mentions, look into state, and let members leave', async () => {
    await using scene = await withPolicyServer()
    const { alice, roomId, server } = scene
    await usePolicy(alice, roomId, server)
    const links = refusal('It has too many links')
    const mentions = refusal('It mentions too many people')
    const twice = 'https://a.example/x'
    for (const [content, wanted] of [
      [say(`${twice}, ${twice}. http://b.example`, { formatted_body: `<a href="${twice}">x</a>` }), 200],
      [say(`${twice} http://b.example www.c.example`), links],
      [say('@a:x.example @b:x.example @c:x.example'), 200],
      [say('@a:x.example @b:x.example @c:x.example @d:x.example'), mentions],
      [say('hi', { 'm.mentions': { user_ids: ['@1:x.example', '@2:x.example', '@3:x.example', '@4:x'] } }), mentions],
      [say('pills', { formatted_body: 'abcd'.replaceAll(/./g, 'https://matrix.to/#/%40$&%3Ax.example ') }), mentions],
      [say('\ufdfa'.repeat(7_400)), refusal('Its text is too long to be checked')],
      [say('casinos are no word of the list'), 200],
      [say('see', { 'm.relates_to': { rel_type: 'm.reference', event_id: '$casino' } }), 200],
    ] as const)
      expect([content, await tryTo(alice, roomId, content)]).toEqual([content, wanted])
    expect(await tryTo(alice, roomId, { ciphertext: 'casino', algorithm: 'x' }, 'm.room.encrypted')).toBe(200)
    const topic = await alice.request('PUT', `/v3/rooms/${enc(roomId)}/state/m.room.topic/`, {
      body: { topic: 'a casino' },
    })
    expect([topic.status, topic.body.errcode]).toEqual([400, 'M_FORBIDDEN'])
    const eventId = await alice.sendText(roomId, 'fine')
    await alice.redact(roomId, eventId, 'casino')
    await alice.ok('POST', `/v3/rooms/${enc(roomId)}/leave`, { body: { reason: 'casino' } })
  })

  it('keep media of young accounts out, of this server and of others', async () => {
    await using scene = await withPolicyServer({ enabled: true, mediaAge: '1h' })
    const { alice, roomId, server, room } = scene
    await usePolicy(alice, roomId, server)
    const media = refusal('New accounts cannot send media here yet')
    expect(await tryTo(alice, roomId, { msgtype: 'm.image', body: 'x', url: 'mxc://first.example/a' })).toEqual(media)
    expect(await tryTo(alice, roomId, say('x', { formatted_body: '<img src="mxc://a.example/b">' }))).toEqual(media)
    expect(await tryTo(alice, roomId, say('words'))).toBe(200)
    const image = room.build(text('x', { content: { msgtype: 'm.image', body: 'x', url: 'mxc://peer.example/a' } }))
    expect(outcomeOf(await askToSign(scene, image.pdu))).toEqual([400, 'M_FORBIDDEN'])
    expect((await askToSign(scene, room.build(text('words')).pdu)).status).toBe(200)
  })

  it('hold for whom a ban list names', async () => {
    await using scene = await withPolicyServer({ enabled: true })
    const { alice, roomId, server, room } = scene
    const admin = await registerAdmin(server, 'root')
    const list = await admin.createRoom({ preset: 'public_chat' })
    await admin.setState(list, 'm.policy.rule.user', 'r', { entity: '@b*:peer.example', recommendation: 'm.ban' })
    await usePolicy(alice, roomId, server)
    const { pdu } = room.build({ ...text('fine'), sender: '@bad:peer.example' })
    expect((await askToSign(scene, pdu)).status).toBe(200)
    await admin.ok('PUT', `/_homeroom/admin/v1/ban_lists/${enc(list)}`, { body: {} })
    expect(outcomeOf(await askToSign(scene, pdu))).toEqual([400, 'M_FORBIDDEN'])
    expect((await askToSign(scene, room.build(text('fine')).pdu)).status).toBe(200)
  })
})

it('takes other rules without a new start', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'homeroom.yaml')
  const settings = (word: string): void =>
    writeFileSync(
      file,
      `listen: { port: 0 }\nserver: { name: here.example }\nstorage: { data: ${join(folder.path, 'data')} }\nregistration: { mode: open }\npolicyServer: { enabled: true, forbidden: [${word}] }\n`,
    )
  settings('casino')
  await using program = new Program(['start', '--config', file])
  const alice = new TestClient(await program.address())
  await alice.register('alice')
  const roomId = await alice.createRoom({})
  const { body } = await alice.request('GET', '/.well-known/matrix/policy_server')
  await alice.setState(roomId, 'm.room.policy', '', { via: 'here.example', public_keys: body.public_keys })
  expect([await tryTo(alice, roomId, say('casino')), await tryTo(alice, roomId, say('lottery'))]).toEqual([
    FORBIDDEN,
    200,
  ])
  settings('lottery')
  program.process.kill('SIGHUP')
  await program.logged(/"changed":\["policyServer.forbidden"\]/)
  expect([await tryTo(alice, roomId, say('casino')), await tryTo(alice, roomId, say('lottery'))]).toEqual([
    200,
    FORBIDDEN,
  ])
})

describe('requests to sign', () => {
  it('are answered with the signature on the event, under either name', async () => {
    await using scene = await withPolicyServer()
    const { alice, roomId, room } = scene
    const key = parseVerifyKey(await usePolicy(alice, roomId, scene.server))
    const { pdu } = room.build(text('fine'))
    for (const uri of [SIGN, UNSTABLE]) {
      const { status, body } = await askToSign(scene, pdu, { uri })
      expect([status, Object.keys(body), Object.keys(body[HERE])]).toEqual([200, [HERE], ['ed25519:policy_server']])
      expect(key?.verify(room.essentialText(pdu), body[HERE]['ed25519:policy_server'])).toBe(true)
    }
    expect(outcomeOf(await askToSign(scene, room.build(text('casino')).pdu))).toEqual([400, 'M_FORBIDDEN'])
    // Its signature covers a hash: another content under the same hash is not vouched for.
    const swapped = { ...room.build(text('casino')).pdu, content: { msgtype: 'm.text', body: 'fine' } }
    expect(outcomeOf(await askToSign(scene, swapped))).toEqual([400, 'M_FORBIDDEN'])
  })

  it('that break the rules are soft-failed where their events are sent regardless', async () => {
    await using scene = await withPolicyServer()
    const { alice, roomId, room } = scene
    await usePolicy(alice, roomId, scene.server)
    const before = room.heads
    await sendEvents(scene, [room.send(text('casino'))])
    room.heads = before
    await sendEvents(scene, [room.send(text('fine'))])
    expect(await untilBody(alice, roomId, 'fine')).toEqual(['fine'])
  })

  it('of strangers, for other rooms, unsigned or malformed, are refused', async () => {
    await using scene = await withPolicyServer()
    const { alice, roomId, room, server } = scene
    const { pdu } = room.build(text('fine'))
    const notFound = [404, 'M_NOT_FOUND']
    // The room has no policy server yet.
    expect(outcomeOf(await askToSign(scene, pdu))).toEqual(notFound)
    await usePolicy(alice, roomId, server)
    expect((await askToSign(scene, pdu)).status).toBe(200)
    expect(outcomeOf(await askToSign(scene, pdu, { by: 1 }))).toEqual(notFound)
    expect((await askToSign(scene, pdu, { authorization: null })).status).toBe(401)
    expect(outcomeOf(await askToSign(scene, { ...pdu, room_id: '!other:first.example' }))).toEqual(notFound)
    expect(outcomeOf(await askToSign(scene, { ...pdu, sender: 'nobody' }))).toEqual([400, 'M_BAD_JSON'])
    expect((await askToSign(scene, { room_id: 5 })).status).toBe(404)
    expect((await askToSign(scene, [pdu])).status).toBe(400)
    const large = { ...pdu, content: { body: 'x'.repeat(70_000) } }
    expect(outcomeOf(await askToSign(scene, large))).toEqual([400, 'M_BAD_JSON'])
    expect((await askToSign(scene, { ...pdu, more: 'x'.repeat(200_000) })).status).toBe(413)
    const policy = room.build({ type: 'm.room.policy', stateKey: '', content: {} })
    expect(outcomeOf(await askToSign(scene, policy.pdu))).toEqual([400, 'M_FORBIDDEN'])
    // A room that names another server, or another key, is not served.
    for (const content of [
      { via: 'peer.example', public_keys: { ed25519: await publishedKey(server) } },
      { via: HERE, public_keys: { ed25519: scene.peer.key.publicKey } },
    ]) {
      await alice.setState(roomId, 'm.room.policy', '', content)
      expect(outcomeOf(await askToSign(scene, pdu))).toEqual(notFound)
    }
    await usePolicy(alice, roomId, server)
    await alice.setState(roomId, 'm.room.server_acl', '', { allow: ['*'], deny: ['peer.example'] })
    expect(outcomeOf(await askToSign(scene, pdu))).toEqual([403, 'M_FORBIDDEN'])
  })

  it('get no answer but "unrecognized" where the server is no policy server', async () => {
    await using scene = await withPolicyServer({ enabled: false })
    const answer = await askToSign(scene, scene.room.build(text('fine')).pdu)
    expect(outcomeOf(answer)).toEqual([404, 'M_UNRECOGNIZED'])
  })
})
