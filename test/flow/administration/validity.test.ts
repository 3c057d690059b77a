import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { PASSWORD } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { Administrator } from './fixture.ts'

onEveryHomeserver('accounts that end, and accounts of a type', (start) => {
  it('an expired account can do nothing but log out, until it is renewed', async () => {
    await using server = await start()
    const admin = await Administrator.of(server, 'admin')
    const alice = await server.register('alice')
    const phone = await alice.loginAgain()
    const expire = (expiration_ts: number) =>
      admin.post('/v1/account_validity/validity', {
        user_id: alice.userId,
        expiration_ts,
        enable_renewal_emails: false,
      })
    const later = Date.now() + 1_000_000
    expect(await expire(later)).toEqual({ expiration_ts: later })
    expect((await alice.request('GET', '/v3/account/whoami')).status).toBe(200)
    const over = Date.now() - 1
    expect(await expire(over)).toEqual({ expiration_ts: over })
    for (const path of ['/v3/account/whoami', '/v3/sync'])
      expect(await alice.request('GET', path)).toMatchObject({
        ...{ status: 403, body: { errcode: 'ORG_MATRIX_EXPIRED_ACCOUNT' } },
      })
    expect((await phone.request('POST', '/v3/logout', { body: {} })).status).toBe(200)
    await expire(later)
    expect((await alice.request('GET', '/v3/account/whoami')).status).toBe(200)
    for (const body of [{ user_id: alice.userId }, { user_id: alice.userId, expiration_ts: 'x' }, { expiration_ts: 5 }])
      expect((await admin.ask('POST', '/v1/account_validity/validity', body)).status).toBe(400)
    expect((await admin.deedsOn(alice.userId))[0]).toMatchObject({ action: 'user.set_expiry' })
  })

  it('the shared secret makes accounts with a type, a name and a right', async () => {
    await using server = await start({ settings: { registration: { sharedSecret: 'a shared secret' } } })
    const path = '/_synapse/admin/v1/register'
    const client = server.client()
    const make = async (username: string, extra: { readonly admin?: boolean; readonly user_type?: string | null }) => {
      const { nonce } = await client.ok('GET', path)
      const type = typeof extra.user_type === 'string' ? [extra.user_type] : []
      const fields = [nonce, username, PASSWORD, extra.admin === true ? 'admin' : 'notadmin', ...type]
      const mac = createHmac('sha1', 'a shared secret').update(fields.join('\0')).digest('hex')
      const body = { nonce, username, password: PASSWORD, displayname: `The ${username}`, mac, ...extra }
      return client.request('POST', path, { body })
    }
    const made = await make('robot', { user_type: 'bot', admin: true })
    expect(made).toMatchObject({ status: 200, body: { user_id: '@robot:localhost', home_server: 'localhost' } })
    client.accessToken = made.body.access_token
    expect(await client.ok('GET', '/_synapse/admin/v2/users/@robot:localhost')).toMatchObject({
      ...{ user_type: 'bot', admin: true, displayname: 'The robot' },
    })
    expect((await make('person', { user_type: null, admin: false })).status).toBe(200)
    expect(await client.ok('GET', '/_synapse/admin/v2/users/@person:localhost')).toMatchObject({ user_type: null })
    expect(await make('king', { user_type: 'king' })).toMatchObject({
      status: 400,
      body: { errcode: 'M_INVALID_PARAM' },
    })
    expect((await client.request('GET', '/_synapse/admin/v2/users/@king:localhost')).status).toBe(404)
    const typed = await client.ok('GET', '/_synapse/admin/v2/users', { query: { not_user_type: ['bot'] } })
    expect(typed.users.map(({ name }: { name: string }) => name)).toEqual(['@person:localhost'])
  })
})
