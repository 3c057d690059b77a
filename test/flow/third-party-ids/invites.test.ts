import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Body, Json, TestClient } from '../../support/client.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'
import { type Sydent, startHomeserverFor, withSydent } from '../../support/other-servers/sydent.ts'

const enc = encodeURIComponent
let names = 0

const someone = async (homeserver: TestHomeserver, sydent: Sydent) => {
  const client = await homeserver.register(`inviter${names++}`)
  const openIdToken = await client.post(`/v3/user/${enc(client.userId)}/openid/request_token`)
  return { client, access: { id_server: sydent.name, id_access_token: await sydent.register(openIdToken) } }
}

const stateOf = async (client: TestClient, roomId: string, type: string): Promise<Json[]> =>
  (await client.get(`/v3/rooms/${enc(roomId)}/state`)).filter((event: Json) => event.type === type)
const inviteInto = (client: TestClient, roomId: string, body: Body) =>
  client.request('POST', `/v3/rooms/${enc(roomId)}/invite`, { body })

withSydent('Invites by an address', (sydent) => {
  let homeserver: TestHomeserver
  beforeAll(async () => {
    homeserver = await startHomeserverFor(sydent())
  })
  afterAll(() => homeserver.stop())

  /** Binds the address to the client; Sydent tells the homeserver of it, and of the invites that waited. */
  const bind = async ({ client, access }: Awaited<ReturnType<typeof someone>>, address: string): Promise<void> => {
    const creds = await sydent().validate(address)
    await client.post('/v3/account/3pid/bind', { ...creds, ...access })
  }
  /** The client's invite into the room, once it has come. */
  const invited = async (client: TestClient, roomId: string): Promise<Json> => {
    let token = ''
    for (let round = 0; round < 50; round++) {
      const answer = token === '' ? await client.sync() : await client.nextSync(token)
      const found = answer.rooms?.invite?.[roomId]
      if (found !== undefined) return found
      token = answer.next_batch
    }
    throw new Error('the invite did not come')
  }

  it('of somebody who has it are ordinary invites', async () => {
    const [ada, bob] = [await someone(homeserver, sydent()), await someone(homeserver, sydent())]
    await bind(bob, 'bob.known@example.org')
    const roomId = await ada.client.createRoom()
    const body = { medium: 'email', address: 'Bob.Known@EXAMPLE.org', ...ada.access, reason: 'come' }
    expect((await inviteInto(ada.client, roomId, body)).status).toBe(200)
    const member = await ada.client.getState(roomId, 'm.room.member', bob.client.userId)
    expect(member).toMatchObject({ membership: 'invite', reason: 'come' })
    expect(member.third_party_invite).toBeUndefined()
    await bob.client.join(roomId)
  })

  it('of nobody wait at the identity server, and become invites of whoever binds it', async () => {
    const [ada, bob] = [await someone(homeserver, sydent()), await someone(homeserver, sydent())]
    const roomId = await ada.client.createRoom({ name: 'Waiting' })
    const body = { medium: 'email', address: 'bob.later@example.org', ...ada.access }
    expect((await inviteInto(ada.client, roomId, body)).status).toBe(200)
    const [event, ...others] = await stateOf(ada.client, roomId, 'm.room.third_party_invite')
    expect(others).toEqual([])
    expect(event.sender).toBe(ada.client.userId)
    expect(event.content.display_name).not.toContain('bob.later@example.org')
    expect(event.content.public_keys.length).toBeGreaterThan(0)
    expect(event.content.public_key).toBe(event.content.public_keys[0].public_key)
    const coming = invited(bob.client, roomId)
    await bind(bob, 'bob.later@example.org')
    await coming
    const member = await ada.client.getState(roomId, 'm.room.member', bob.client.userId)
    expect(member).toMatchObject({
      membership: 'invite',
      third_party_invite: {
        display_name: event.content.display_name,
        signed: { mxid: bob.client.userId, token: event.state_key },
      },
    })
    await bob.client.join(roomId)
  })

  it('can come with a new room, bound or not', async () => {
    const [ada, bob] = [await someone(homeserver, sydent()), await someone(homeserver, sydent())]
    await bind(bob, 'bob.new@example.org')
    const asked = ['bob.new@example.org', 'nobody.new@example.org'].map((address) => ({
      medium: 'email',
      address,
      ...ada.access,
    }))
    const roomId = await ada.client.createRoom({ invite_3pid: asked })
    expect((await ada.client.getState(roomId, 'm.room.member', bob.client.userId)).membership).toBe('invite')
    expect(await stateOf(ada.client, roomId, 'm.room.third_party_invite')).toHaveLength(1)
    const rooms = await ada.client.get('/v3/joined_rooms')
    const wrong = [
      { ...asked[0], id_access_token: 'unknown' },
      { ...asked[0], id_server: 'id.example' },
      { ...asked[0], address: 'x' },
    ]
    for (const one of wrong)
      expect((await ada.client.request('POST', '/v3/createRoom', { body: { invite_3pid: [one] } })).status).toBe(400)
    expect(await ada.client.get('/v3/joined_rooms')).toEqual(rooms)
  })

  it('that were revoked are not taken any more', async () => {
    const [ada, bob] = [await someone(homeserver, sydent()), await someone(homeserver, sydent())]
    const [kept, revoked] = [await ada.client.createRoom(), await ada.client.createRoom()]
    const body = { medium: 'email', address: 'bob.revoked@example.org', ...ada.access }
    for (const roomId of [revoked, kept]) expect((await inviteInto(ada.client, roomId, body)).status).toBe(200)
    const [event] = await stateOf(ada.client, revoked, 'm.room.third_party_invite')
    await ada.client.setState(revoked, 'm.room.third_party_invite', event.state_key, {})
    const coming = invited(bob.client, kept)
    await bind(bob, 'bob.revoked@example.org')
    await coming
    const refused = await ada.client.request(
      'GET',
      `/v3/rooms/${enc(revoked)}/state/m.room.member/${enc(bob.client.userId)}`,
    )
    expect(refused.status).toBe(404)
  })

  it('need the power to invite, before the identity server hears of them', async () => {
    const [ada, bob] = [await someone(homeserver, sydent()), await someone(homeserver, sydent())]
    const roomId = await ada.client.createRoom({ preset: 'public_chat' })
    const body = { medium: 'email', address: 'someone@example.org', ...bob.access }
    expect(await inviteInto(bob.client, roomId, body)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    await bob.client.join(roomId)
    expect(await inviteInto(bob.client, roomId, body)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect(await inviteInto(bob.client, '!unknown:x', body)).toMatchObject({
      status: 403,
      body: { errcode: 'M_FORBIDDEN' },
    })
    const wrong = [
      [{ ...body, medium: 'post' }, 'M_INVALID_PARAM'],
      [{ ...body, address: 'no address' }, 'M_INVALID_PARAM'],
      [{ ...body, id_server: undefined }, 'M_MISSING_PARAM'],
      [{ ...body, id_server: 'id.example' }, 'M_SERVER_NOT_TRUSTED'],
    ] as const
    for (const [one, errcode] of wrong)
      expect(await inviteInto(ada.client, roomId, one)).toMatchObject({ status: 400, body: { errcode } })
    expect(await stateOf(ada.client, roomId, 'm.room.third_party_invite')).toEqual([])
  })
})
