import { expect, it } from 'vitest'
import { type Json, PASSWORD } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { Administrator } from './fixture.ts'

onEveryHomeserver('accounts in the hands of an administrator', (start) => {
  const shared = shareHomeserver(start)
  let made = 0
  const adminOf = async () => {
    const server = await shared()
    return { server, admin: await Administrator.of(server, `admin${made++}`) }
  }

  it('are made with all that they shall have (201), and changed in it (200)', async () => {
    const { server, admin } = await adminOf()
    const userId = `@made${made}:${server.serverName}`
    const put = (body: Json) => admin.ask('PUT', `/v2/users/${userId}`, body)
    const first = await put({
      password: 'an uncommon one',
      displayname: 'Made Up',
      avatar_url: 'mxc://localhost/abc',
      threepids: [{ medium: 'email', address: 'Made@Example.org' }],
      external_ids: [{ auth_provider: 'oidc-x', external_id: 'sub/1' }],
      admin: false,
      user_type: 'bot',
    })
    expect(first).toMatchObject({
      status: 201,
      body: {
        name: userId,
        displayname: 'Made Up',
        avatar_url: 'mxc://localhost/abc',
        threepids: [{ medium: 'email', address: 'made@example.org', added_at: expect.any(Number) }],
        external_ids: [{ auth_provider: 'oidc-x', external_id: 'sub/1' }],
        user_type: 'bot',
        admin: false,
        deactivated: false,
        locked: false,
        is_guest: false,
        erased: false,
        shadow_banned: false,
      },
    })
    expect(await admin.person(userId)).toEqual(first.body)
    const client = server.client()
    await client.login(userId, { password: 'an uncommon one' })
    expect(await client.get(`/v3/profile/${userId}`)).toMatchObject({ displayname: 'Made Up' })
    const second = await put({
      displayname: '',
      avatar_url: '',
      threepids: [{ medium: 'msisdn', address: '447470274584' }],
      external_ids: [],
      admin: true,
      user_type: null,
    })
    expect(second).toMatchObject({
      status: 200,
      body: { displayname: null, avatar_url: null, external_ids: [], admin: true, user_type: null },
    })
    for (const user_type of ['support', ''])
      expect((await put({ user_type })).body.user_type).toBe(user_type === '' ? null : user_type)
    expect(second.body.threepids).toMatchObject([{ medium: 'msisdn', address: '447470274584' }])
    // Members that are absent stay.
    expect((await put({ locked: false })).body).toEqual((await admin.person(userId)) as Json)
    const actions = (await admin.deedsOn(userId)).map(({ action }) => action)
    expect(actions).toEqual(
      expect.arrayContaining(['user.create', 'user.set_profile', 'user.set_addresses', 'user.set_identities']),
    )
    expect(JSON.stringify(await admin.deedsOn(userId))).not.toContain('uncommon')
  })

  it('are refused with nothing changed where a request makes no sense', async () => {
    const { server, admin } = await adminOf()
    const alice = await server.register(`sense${made}`)
    const other = await server.register(`other${made}`)
    await admin.modify(other.userId, {
      threepids: [{ medium: 'email', address: 'taken@example.org' }],
      external_ids: [{ auth_provider: 'p', external_id: 'taken' }],
    })
    const before = await admin.person(alice.userId)
    const asked = `/v2/users/${alice.userId}`
    for (const [path, body, status, errcode] of [
      [asked, { threepids: [{ medium: 'email', address: 'none' }] }, 400, 'M_INVALID_PARAM'],
      [asked, { threepids: [{ medium: 'email', address: 'taken@example.org' }] }, 400, 'M_THREEPID_IN_USE'],
      [asked, { external_ids: [{ auth_provider: 'p', external_id: 'taken' }] }, 409, 'M_UNKNOWN'],
      [asked, { user_type: 'emperor', displayname: 'x' }, 400, 'M_INVALID_PARAM'],
      [asked, { deactivated: true, locked: true }, 400, 'M_INVALID_PARAM'],
      [asked, { password: 'x'.repeat(1_000) }, 400, 'M_INVALID_PARAM'],
      [asked, { admin: 'yes' }, 400, 'M_BAD_JSON'],
      ['/v2/users/@a:elsewhere.example', {}, 400, 'M_INVALID_PARAM'],
      ['/v2/users/nonsense', {}, 400, 'M_INVALID_PARAM'],
      [`/v2/users/@Capital:${server.serverName}`, { password: PASSWORD }, 400, 'M_INVALID_USERNAME'],
    ] as const) {
      expect(await admin.ask('PUT', path, body), JSON.stringify(body)).toMatchObject({ status, body: { errcode } })
    }
    expect(await admin.person(alice.userId)).toEqual(before)
    expect(await admin.ask('GET', `/v2/users/@nobody:${server.serverName}`)).toMatchObject({ status: 404 })
  })

  it('get new passwords, which end their sessions or not', async () => {
    const { server, admin } = await adminOf()
    const alice = await server.register(`password${made}`)
    await admin.post(`/v1/reset_password/${alice.userId}`, { new_password: 'second one', logout_devices: false })
    expect((await alice.request('GET', '/v3/account/whoami')).status).toBe(200)
    await admin.modify(alice.userId, { password: 'third one' })
    expect((await alice.request('GET', '/v3/account/whoami')).status).toBe(401)
    await alice.login(alice.userId, { password: 'third one' })
    await admin.modify(alice.userId, { password: 'fourth one', logout_devices: false })
    expect((await alice.request('GET', '/v3/account/whoami')).status).toBe(200)
    await admin.post(`/v1/reset_password/${alice.userId}`, { new_password: 'fifth one' })
    expect((await alice.request('GET', '/v3/account/whoami')).status).toBe(401)
  })

  it('are deactivated and opened again, with a password or without', async () => {
    const { server, admin } = await adminOf()
    const alice = await server.register(`reopened${made}`)
    expect(await admin.post(`/v1/deactivate/${alice.userId}`, { erase: true })).toEqual({
      id_server_unbind_result: 'success',
    })
    expect(await admin.person(alice.userId)).toMatchObject({ deactivated: true, erased: true, displayname: null })
    expect(await admin.ask('PUT', `/v2/users/${alice.userId}`, { displayname: 'Ghost' })).toMatchObject({
      status: 403,
      body: { errcode: 'M_USER_DEACTIVATED' },
    })
    expect((await admin.modify(alice.userId, { deactivated: true })).deactivated).toBe(true)
    const reopen = () => admin.ask('PUT', `/v2/users/${alice.userId}`, { deactivated: false, password: 'back again' })
    // Its rooms are left behind the answer to the deactivation.
    let reopened = await reopen()
    for (let round = 0; reopened.status === 400 && round < 200; round++) reopened = await reopen()
    expect(reopened).toMatchObject({ status: 200, body: { deactivated: false, erased: false } })
    const again = server.client()
    await again.login(alice.userId, { password: 'back again' })
    expect((await admin.modify(alice.userId, { deactivated: true })).deactivated).toBe(true)
    expect((await again.request('GET', '/v3/account/whoami')).status).toBe(401)
    const actions = (await admin.deedsOn(alice.userId)).map(({ action }) => action)
    expect(actions).toEqual(['user.deactivate', 'user.reactivate', 'user.deactivate'])
  })

  it('are suspended and locked, but no administrator shuts themselves out', async () => {
    const { server, admin } = await adminOf()
    const alice = await server.register(`standing${made}`)
    expect(await admin.put(`/v1/suspend/${alice.userId}`, { suspend: true })).toEqual({
      [`user_${alice.userId}_suspended`]: true,
    })
    expect(await alice.request('POST', '/v3/createRoom', { body: {} })).toMatchObject({
      body: { errcode: 'M_USER_SUSPENDED' },
    })
    await admin.put(`/v1/suspend/${alice.userId}`, { suspend: false })
    await alice.createRoom()
    expect((await admin.modify(alice.userId, { locked: true })).locked).toBe(true)
    expect(await alice.request('GET', '/v3/sync')).toMatchObject({ body: { errcode: 'M_USER_LOCKED' } })
    expect((await admin.modify(alice.userId, { locked: false })).locked).toBe(false)
    const { userId } = admin.client
    for (const [method, path, body] of [
      ['PUT', `/v1/users/${userId}/admin`, { admin: false }],
      ['PUT', `/v2/users/${userId}`, { admin: false }],
      ['PUT', `/v2/users/${userId}`, { locked: true }],
      ['PUT', `/v1/suspend/${userId}`, { suspend: true }],
    ] as const) {
      expect(await admin.ask(method, path, body), path).toMatchObject({ status: 400 })
    }
    expect(await admin.get(`/v1/users/${userId}/admin`)).toEqual({ admin: true })
    expect(await admin.put(`/v1/users/${alice.userId}/admin`, { admin: true })).toEqual({})
    expect(await admin.get(`/v1/users/${alice.userId}/admin`)).toEqual({ admin: true })
  })
})
