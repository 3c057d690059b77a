import { expect, it } from 'vitest'
import { type SigningKey, signingKeyFromSeed } from '#rules'
import type { Pdu, ServerName } from '#spec'
import { refusal, reply } from '../../../support/federation-peer/listener.ts'
import { askedFor, bodiesIn, openScene, type Scene, sendEvents, text, untilBody } from './scene.ts'

const SIGN = '/_matrix/policy/v1/sign'

const policyKey = (server: string): SigningKey => {
  const key = signingKeyFromSeed('ed25519:policy_server', server as ServerName, Buffer.alloc(32, 5).toString('base64'))
  if (!key.ok) throw new Error(key.failure.reason)
  return key.value
}

/** The room has a policy server from now on: the peer, with a key of its own for it. */
const usePolicy = async ({ alice, roomId, peer }: Scene): Promise<SigningKey> => {
  const key = policyKey(peer.name)
  await alice.ok('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.policy`, {
    body: { via: peer.name, public_keys: { ed25519: key.publicKey } },
  })
  return key
}

const signatureOf = ({ room }: Scene, key: SigningKey, pdu: Pdu) => ({
  [key.serverName]: { [key.keyId]: key.sign(room.essentialText(pdu)) },
})

it('what people send is signed by the policy server before anybody sees it', async () => {
  await using scene = await openScene()
  const { alice, roomId, peer, room } = scene
  const key = await usePolicy(scene)
  expect(askedFor(peer, '/policy/')).toEqual([])
  peer.on('POST', SIGN, ({ body }) => reply(signatureOf(scene, key, body)))
  const eventId = await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'fine' })
  expect(await bodiesIn(alice, roomId)).toEqual(['fine'])
  const { pdus } = await peer.get('first.example', `/_matrix/federation/v1/event/${encodeURIComponent(eventId)}`)
  expect(pdus[0].signatures[key.serverName][key.keyId]).toBe(key.sign(room.essentialText(pdus[0])))
  expect(Object.keys(pdus[0].signatures).sort()).toEqual(['first.example', 'peer.example'])
})

it('its refusal is told to the client word by word, and nothing is sent', async () => {
  await using scene = await openScene()
  const { alice, roomId, peer } = scene
  await usePolicy(scene)
  peer.on('POST', SIGN, () => refusal(400, 'M_FORBIDDEN', 'The message appears to contain possible spam'))
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}`
  const answer = await alice.request('PUT', `${path}/send/m.room.message/1`, { body: { body: 'spam' } })
  expect([answer.status, answer.body]).toEqual([
    400,
    { errcode: 'M_FORBIDDEN', error: 'The message appears to contain possible spam' },
  ])
  // A signature that is not its own is none.
  peer.on('POST', SIGN, () => reply({ 'peer.example': { 'ed25519:policy_server': 'A'.repeat(86) } }))
  const forged = await alice.request('PUT', `${path}/send/m.room.message/2`, { body: { body: 'spam' } })
  expect([forged.status, forged.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  expect(await bodiesIn(alice, roomId)).toEqual([])
  // The policy itself needs no signature, so nobody is locked in.
  await alice.ok('PUT', `${path}/state/m.room.policy`, { body: {} })
  await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'free' })
  expect(await bodiesIn(alice, roomId)).toEqual(['free'])
})

it('events from outside that it does not sign are shown to nobody', async () => {
  await using scene = await openScene()
  const { alice, roomId, peer, room } = scene
  const key = await usePolicy(scene)
  // The peer's copy of the room follows what is sent to it.
  peer.on('POST', SIGN, ({ body }) =>
    body.content.body === 'spam' ? refusal(400, 'M_FORBIDDEN') : reply(signatureOf(scene, key, body)),
  )
  const before = room.heads
  const spam = room.send(text('spam'))
  await sendEvents(scene, [spam])
  room.heads = before
  await sendEvents(scene, [room.send(text('asked about'))])
  const signed = room.send(text('signed already'))
  const pdu = { ...signed.pdu, signatures: { ...signed.pdu.signatures } } as Pdu
  const withPolicy = {
    ...pdu,
    signatures: {
      'peer.example': { ...pdu.signatures['peer.example'], ...signatureOf(scene, key, pdu)['peer.example'] },
    },
  }
  await sendEvents(scene, [withPolicy as Pdu])
  expect(await untilBody(alice, roomId, 'signed already')).toEqual(['asked about', 'signed already'])
  expect(askedFor(peer, '/policy/')).toHaveLength(2)
})

it('the signature that it gives for an event from outside is stored with the event, and told to others', async () => {
  await using scene = await openScene()
  const { alice, roomId, peer, room } = scene
  const key = await usePolicy(scene)
  peer.on('POST', SIGN, ({ body }) => reply(signatureOf(scene, key, body)))
  const onTop = room.send(text('on top'))
  const before = room.heads
  await sendEvents(scene, [onTop])
  await untilBody(alice, roomId, 'on top')
  // One on a branch is taken in another way.
  const first = room.send(text('first'))
  room.heads = before
  const second = room.send(text('second'))
  await sendEvents(scene, [first, second])
  await untilBody(alice, roomId, 'second')
  for (const { eventId, pdu } of [onTop, first, second]) {
    const { pdus } = await peer.get('first.example', `/_matrix/federation/v1/event/${encodeURIComponent(eventId)}`)
    expect(pdus[0].signatures[peer.name]).toEqual({
      ...pdu.signatures[peer.name],
      [key.keyId]: key.sign(room.essentialText(pdu)),
    })
  }
})

it('a policy without a joined user of its server, or without a key, is none', async () => {
  await using scene = await openScene()
  const { alice, roomId, peer } = scene
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.policy`
  const publicKey = policyKey('x.example').publicKey
  for (const body of [
    { via: 'nobody.servers.example', public_keys: { ed25519: publicKey } },
    { via: peer.name, public_keys: {} },
    { via: 7, public_keys: { ed25519: publicKey } },
    { via: peer.name },
  ]) {
    await alice.ok('PUT', path, { body })
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: JSON.stringify(body) })
  }
  expect(await bodiesIn(alice, roomId)).toHaveLength(4)
  expect(askedFor(peer, '/policy/')).toEqual([])
})

it('the key of a policy server under this name is told where it is configured', async () => {
  const key = policyKey('first.example').publicKey
  await using scene = await openScene({ settings: { federation: { policyServerKey: key } } })
  const { status, body } = await scene.alice.request('GET', '/.well-known/matrix/policy_server')
  expect([status, body]).toEqual([200, { public_keys: { ed25519: key } }])
  await using bare = await openScene()
  expect((await bare.alice.request('GET', '/.well-known/matrix/policy_server')).status).toBe(404)
})
