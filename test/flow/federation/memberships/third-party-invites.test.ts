import { generateKeyPairSync, sign } from 'node:crypto'
import { expect, it } from 'vitest'
import { canonicalJson } from '#rules'
import { startFederation } from '../../../support/federation-servers.ts'
import { membersOf } from './two-servers.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const KEY = publicKey.export({ format: 'der', type: 'spki' }).subarray(12).toString('base64').replaceAll('=', '')
const TOKEN = 'token-of-the-invite'

const signed = (object: Record<string, string>) => {
  const text = canonicalJson(object)
  if (!text.ok) throw new Error('not canonical')
  const signature = sign(null, Buffer.from(text.value), privateKey).toString('base64').replaceAll('=', '')
  return { ...object, signatures: { 'id.example': { 'ed25519:0': signature } } }
}

it.each(['10', '11', '12'])(
  'an invite by an address becomes one of a user of another server, in version %s',
  async (version) => {
    await using federation = await startFederation()
    const alice = await federation.at(0).register('alice')
    const bob = await federation.at(1).register('bob')
    const roomId = await alice.createRoom({ room_version: version })
    await alice.setState(roomId, 'm.room.third_party_invite', TOKEN, { display_name: 'b...', public_key: KEY })
    const bind = (token: string) =>
      fetch(`${federation.at(1).url}/_matrix/federation/v1/3pid/onbind`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          mxid: bob.userId,
          invites: [{ room_id: roomId, sender: alice.userId, signed: signed({ mxid: bob.userId, token }) }],
        }),
      })
    const { next_batch: since } = await bob.sync()
    // Nobody was invited by that one.
    expect((await bind('another')).status).toBe(200)
    expect((await bob.sync()).rooms.invite).toEqual({})
    expect((await bind(TOKEN)).status).toBe(200)
    await bob.syncUntil(since, ({ rooms }) => rooms?.invite?.[roomId] !== undefined)
    expect(await membersOf(alice, roomId)).toEqual({ [alice.userId]: 'join', [bob.userId]: 'invite' })
    expect(await bob.join(roomId)).toBe(roomId)
    expect(await membersOf(bob, roomId)).toEqual({ [alice.userId]: 'join', [bob.userId]: 'join' })
  },
)

it('an invite by an address of another server is taken where the invited server is in the room already', async () => {
  await using federation = await startFederation()
  const alice = await federation.at(0).register('alice')
  const [bob, carol] = [await federation.at(1).register('bob'), await federation.at(1).register('carol')]
  const { next_batch: before } = await carol.sync()
  const roomId = await alice.createRoom({ invite: [carol.userId] })
  await carol.syncUntil(before, ({ rooms }) => rooms?.invite?.[roomId] !== undefined)
  await carol.join(roomId)
  await alice.setState(roomId, 'm.room.third_party_invite', TOKEN, { display_name: 'b...', public_key: KEY })
  const { next_batch: since } = await bob.sync()
  await fetch(`${federation.at(1).url}/_matrix/federation/v1/3pid/onbind`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      mxid: bob.userId,
      invites: [{ room_id: roomId, sender: alice.userId, signed: signed({ mxid: bob.userId, token: TOKEN }) }],
    }),
  })
  await bob.syncUntil(since, ({ rooms }) => rooms?.invite?.[roomId] !== undefined)
  expect((await membersOf(alice, roomId))[bob.userId]).toBe('invite')
  expect(await bob.join(roomId)).toBe(roomId)
})
