import { describe, expect, it } from 'vitest'
import { PASSWORD, type TestClient } from '../../support/client.ts'
import { command, registerAdmin } from '../../support/operator.ts'
import { linkIn, MailServer, mailSettings, openLink } from '../../support/other-servers/smtp.ts'
import { newPair } from '../encryption/fixture.ts'
import { registerGhost, registration, startWithServices } from './fixture.ts'

const enc = encodeURIComponent
const TOKEN = 'the-token-of-the-double-puppets'
/** A service that may speak for everybody, and has nobody for itself. */
const DOUBLE_PUPPETS = registration({
  id: 'doublepuppet',
  as_token: TOKEN,
  hs_token: 'the-server-for-double-puppets',
  sender_localpart: 'doublepuppet',
  namespaces: { users: [{ exclusive: false, regex: '@.*' }] },
})

describe('a service that may speak for everybody', () => {
  it('does not administer the server by logging in as an administrator, nor by refreshing, nor once the user becomes one', async () => {
    await using world = await startWithServices({ registrations: [DOUBLE_PUPPETS] })
    const { server } = world
    const boss = await registerAdmin(server, 'boss')
    const bob = await server.register('bob')
    const logIn = (user: string) =>
      world.as(undefined, TOKEN).post('/v3/login', {
        type: 'm.login.application_service',
        identifier: { type: 'm.id.user', user },
        refresh_token: true,
      })
    const sessions = [await logIn('boss'), await logIn('bob')]
    await command(server, 'set-admin', { user: bob.userId, admin: true })
    const paths = ['/_synapse/admin/v2/users', `/_matrix/client/v3/admin/whois/${enc('@nobody:elsewhere.example')}`]
    const statusOf = async (token: unknown, path: string | undefined) =>
      (await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${String(token)}` } })).status
    for (const session of sessions) {
      for (const path of paths) expect(await statusOf(session.access_token, path), path).toBe(403)
      const { access_token: renewed } = await server
        .client()
        .post('/v3/refresh', { refresh_token: session.refresh_token })
      for (const path of paths) expect(await statusOf(renewed, path), path).toBe(403)
    }
    // The person's own sessions do.
    expect((await boss.request('GET', `/v3/admin/whois/${enc(boss.userId)}`)).status).toBe(200)
    expect(await statusOf(boss.accessToken, paths[0])).toBe(200)
  })

  it('adds no address to an administrator, by which it could set their password', async () => {
    await using mails = await MailServer.start()
    await using world = await startWithServices({ registrations: [DOUBLE_PUPPETS], settings: mailSettings(mails) })
    const { server } = world
    const boss = await registerAdmin(server, 'boss')
    const identifier = { type: 'm.id.user', user: 'boss' }
    const session = server.client()
    const { access_token } = await world
      .as(undefined, TOKEN)
      .post('/v3/login', { type: 'm.login.application_service', identifier })
    session.accessToken = String(access_token)
    const add = async (client: TestClient, email: string) => {
      const wish = { client_secret: 'a-secret', email, send_attempt: 1 }
      const { sid } = await server.client().post('/v3/account/3pid/email/requestToken', wish)
      await openLink(linkIn(mails.last, server))
      const body = { three_pid_creds: { sid, client_secret: 'a-secret' } }
      return client.request('POST', '/v3/account/3pid', { body })
    }
    const refused = { status: 403, body: { errcode: 'M_FORBIDDEN' } }
    expect(await add(world.as('boss', TOKEN), 'bridge@evil.example')).toMatchObject(refused)
    expect(await add(session, 'other@evil.example')).toMatchObject(refused)
    expect((await boss.get('/v3/account/3pid')).threepids).toEqual([])
    expect((await add(boss, 'boss@example.org')).status).toBe(200)
  })

  it('neither signs people out nor replaces their keys', async () => {
    await using world = await startWithServices({ registrations: [DOUBLE_PUPPETS] })
    const bob = await world.server.register('bob')
    const asBob = world.as('bob', TOKEN)
    const deletion = await asBob.request('DELETE', `/v3/devices/${enc(bob.deviceId)}`, { body: {} })
    expect(deletion.status).toBe(401)
    const all = await asBob.request('POST', '/v3/delete_devices', { body: { devices: [bob.deviceId] } })
    expect(all.status).toBe(401)
    expect((await bob.get('/v3/account/whoami')).user_id).toBe(bob.userId)
    const masterKey = () => {
      const { publicKey } = newPair()
      return { user_id: bob.userId, usage: ['master'], keys: { [`ed25519:${publicKey}`]: publicKey } }
    }
    const upload = () => asBob.request('POST', '/v3/keys/device_signing/upload', { body: { master_key: masterKey() } })
    // The first keys are taken without authentication from their owner alone.
    expect(await upload()).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    await bob.post('/v3/keys/device_signing/upload', { master_key: masterKey() })
    expect((await upload()).status).toBe(403)
  })

  it('is nobody who waits for approval, nor anybody whose time is over', async () => {
    await using world = await startWithServices({
      registrations: [DOUBLE_PUPPETS, registration()],
      settings: { registration: { mode: 'open', approval: true } },
    })
    const { server } = world
    await command(server, 'create-user', { user: 'boss', password: PASSWORD, admin: true })
    const admin = server.client()
    await admin.login('boss')
    await expect(server.client().register('waiting')).rejects.toThrow('AWAITING_APPROVAL')
    const waiting = await world.as('waiting', TOKEN).request('GET', '/v3/account/whoami')
    expect(waiting).toMatchObject({ status: 403, body: { errcode: 'ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL' } })
    expect((await world.as('waiting', TOKEN).request('POST', '/v3/createRoom', { body: {} })).status).toBe(403)
    const ghost = await registerGhost(world, '_irc_ann')
    expect((await ghost.get('/v3/account/whoami')).user_id).toBe(ghost.userId)
    await fetch(`${server.url}/_synapse/admin/v1/account_validity/validity`, {
      method: 'POST',
      headers: { authorization: `Bearer ${admin.accessToken}` },
      body: JSON.stringify({ user_id: ghost.userId, expiration_ts: 1 }),
    })
    expect((await ghost.request('GET', '/v3/account/whoami')).status).toBe(403)
    expect((await world.as('boss', TOKEN).request('GET', '/v3/account/whoami')).status).toBe(200)
  })
})
