import { afterAll, beforeAll, expect, it } from 'vitest'
import { AccountBrowser } from '../../support/account-browser.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { command } from '../../support/operator.ts'
import { BASE, Slapd, withDirectory } from '../../support/other-servers/slapd.ts'
import { headingOf } from '../../support/sign-in-house.ts'

const PEOPLE = [
  { uid: 'ada', password: 'the first program', cn: 'Ada Lovelace', mail: 'ada@example.org', employeeType: 'staff' },
  { uid: 'alan', password: 'can machines think', cn: 'Alan', mail: 'taken@example.org', employeeType: 'staff' },
  { uid: 'guest', password: 'only a visitor', employeeType: 'visitor' },
  { uid: 'local', password: 'in the directory' },
  { uid: 'admin', password: 'reserved name' },
]

withDirectory('passwords of a directory', () => {
  let slapd: Slapd
  beforeAll(async () => {
    slapd = await Slapd.start(PEOPLE)
  })
  afterAll(() => slapd.end())

  const start = (over: Record<string, unknown> = {}, more: Record<string, Record<string, unknown>> = {}) =>
    startHomeserver({ settings: { ldap: slapd.settings(over), ...more } })
  const login = async (
    homeserver: TestHomeserver,
    user: string,
    password: string,
    identifier: object = { type: 'm.id.user', user },
  ) => {
    const body = { type: 'm.login.password', identifier, password }
    const answer = await homeserver.client().request('POST', '/v3/login', { body })
    return answer.body.user_id ?? [answer.status, answer.body.errcode]
  }
  const WRONG = [403, 'M_FORBIDDEN']

  it('open an account that is made the first time, for clients and at a browser', async () => {
    await using homeserver = await start({}, { registration: { mode: 'closed' } })
    expect(await login(homeserver, 'ada', 'the first program')).toBe('@ada:localhost')
    expect(await login(homeserver, '@ada:localhost', 'the first program')).toBe('@ada:localhost')
    expect(await login(homeserver, 'ADA', 'the first program')).toBe('@ada:localhost')
    const byMail = { type: 'm.id.thirdparty', medium: 'email', address: 'Ada@example.org' }
    expect(await login(homeserver, '', 'the first program', byMail)).toBe('@ada:localhost')
    const client = homeserver.client()
    await client.login('ada', { password: 'the first program' })
    expect((await client.get('/v3/profile/@ada:localhost')).displayname).toBe('Ada Lovelace')
    expect((await client.get('/v3/account/3pid')).threepids).toMatchObject([{ address: 'ada@example.org' }])
    const browser = new AccountBrowser(homeserver)
    expect(headingOf(await browser.signIn('ada', 'the first program'))).toBe('You are signed in')
    const page = await browser.at('/account/password')
    expect(page.text).toContain('LDAP keeps your password')
  })

  it('open nothing if they are wrong, empty, or no password at all', async () => {
    await using homeserver = await start()
    for (const password of ['wrong', '', '\0', 'the first program\0', ' ', 'x'.repeat(2_000)])
      expect(await login(homeserver, 'ada', password), JSON.stringify(password.slice(0, 20))).toEqual(WRONG)
    expect(await login(homeserver, 'nobody', 'the first program')).toEqual(WRONG)
    expect(await login(homeserver, '', 'the first program')).toEqual(WRONG)
    const browser = new AccountBrowser(homeserver)
    expect((await browser.signIn('ada', '')).status).toBe(403)
    expect((await homeserver.client().request('GET', '/v3/profile/@ada:localhost')).status).toBe(404)
  })

  it('names cannot be patterns, filters or other entries', async () => {
    await using searched = await start()
    await using direct = await start({ userDn: `uid={username},${BASE}` })
    const names = [
      '*',
      'a*',
      'ad?',
      'ada)(uid=*',
      '*)(uid=ada',
      'ada)(|(uid=*',
      '\\2a',
      'ada\\',
      `ada,${BASE}`,
      'ada+cn=Ada',
      'ada#',
      '"ada"',
      'ada;',
      'uid=ada',
      'ada\n',
      'ad\u0430',
    ]
    for (const name of names) {
      expect(await login(searched, name, 'the first program'), name).toEqual(WRONG)
      expect(await login(direct, name, 'the first program'), name).toEqual(WRONG)
    }
  })

  it('are checked by signing in as the person, where the DN follows from the name', async () => {
    await using homeserver = await start({
      userDn: `uid={username},${BASE}`,
      bindDn: undefined,
      bindPassword: undefined,
      filter: '(employeeType=staff)',
    })
    expect(await login(homeserver, 'ada', 'the first program')).toBe('@ada:localhost')
    expect(await login(homeserver, 'ada', 'wrong')).toEqual(WRONG)
    expect(await login(homeserver, 'ada', '')).toEqual(WRONG)
    expect(await login(homeserver, 'guest', 'only a visitor')).toEqual(WRONG)
  })

  it('count for those alone who fit the filter', async () => {
    await using homeserver = await start({ filter: '(employeeType=staff)' })
    expect(await login(homeserver, 'alan', 'can machines think')).toBe('@alan:localhost')
    expect(await login(homeserver, 'guest', 'only a visitor')).toEqual(WRONG)
  })

  it('never open the account of somebody else with that name, unless the operator says so', async () => {
    await using homeserver = await start({}, { registration: { mode: 'open', reservedUsernames: ['admin'] } })
    await homeserver.client().register('local', { password: 'its own password' })
    expect(await login(homeserver, 'local', 'in the directory')).toEqual(WRONG)
    expect(await login(homeserver, 'local', 'its own password')).toBe('@local:localhost')
    expect(await login(homeserver, 'admin', 'reserved name')).toEqual(WRONG)
    await using linking = await start({ linkExisting: 'localpart' }, { registration: { mode: 'open' } })
    await linking.client().register('local', { password: 'its own password' })
    expect(await login(linking, 'local', 'in the directory')).toBe('@local:localhost')
    expect(await login(linking, 'local', 'its own password')).toBe('@local:localhost')
  })

  it('make no account where people get none', async () => {
    await using homeserver = await start({ allowRegistration: false })
    expect(await login(homeserver, 'ada', 'the first program')).toEqual(WRONG)
  })

  it('stay in the directory: none is set here, and a locked or closed account stays so', async () => {
    await using homeserver = await start()
    const client = homeserver.client()
    await client.login('ada', { password: 'the first program' })
    const auth = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'ada' },
      password: 'the first program',
    }
    const change = await client.request('POST', '/v3/account/password', {
      body: { new_password: 'a password of mine', auth },
    })
    expect([change.status, change.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    // The password of somebody else in the directory confirms nothing of hers.
    const other = { ...auth, identifier: { type: 'm.id.user', user: 'alan' }, password: 'can machines think' }
    expect((await client.request('POST', '/v3/delete_devices', { body: { devices: ['x'], auth: other } })).status).toBe(
      403,
    )
    await client.post('/v3/delete_devices', { devices: ['x'], auth })
    await command(homeserver, 'set-locked', { user: client.userId, locked: true })
    expect(await login(homeserver, 'ada', 'the first program')).toEqual([401, 'M_USER_LOCKED'])
    await command(homeserver, 'set-locked', { user: client.userId, locked: false })
    await client.post('/v3/account/deactivate', { auth })
    expect(await login(homeserver, 'ada', 'the first program')).toEqual(WRONG)
  })

  it('a directory that nobody vouches for, or that is away, is no wrong password; local ones work on', async () => {
    await using untrusted = await start({ caFile: undefined })
    expect((await login(untrusted, 'ada', 'the first program'))[0]).toBe(503)
    await using misled = await start({ bindPassword: 'wrong' })
    expect((await login(misled, 'ada', 'the first program'))[0]).toBe(503)
    await using homeserver = await start({ requestTimeout: '1s' }, { registration: { mode: 'open' } })
    await homeserver.client().register('own', { password: 'kept here' })
    await slapd.end()
    expect((await login(homeserver, 'ada', 'the first program'))[0]).toBe(503)
    expect(await login(homeserver, 'own', 'kept here')).toBe('@own:localhost')
    const browser = new AccountBrowser(homeserver)
    expect((await browser.signIn('ada', 'the first program')).status).toBe(503)
    await slapd.begin()
    expect(await login(homeserver, 'ada', 'the first program')).toBe('@ada:localhost')
  })

  it('two first logins at once make one account', async () => {
    await using homeserver = await start()
    const all = await Promise.all(Array.from({ length: 6 }, () => login(homeserver, 'alan', 'can machines think')))
    expect(new Set(all)).toEqual(new Set(['@alan:localhost']))
  })
})
