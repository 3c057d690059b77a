import { describe, expect, it } from 'vitest'
import { command } from '../../support/operator.ts'
import { AS_TOKEN, RegistrationFolder, registration, startWithServices } from './fixture.ts'

const OTHER = {
  id: 'other',
  as_token: 'another-token',
  hs_token: 'another-for-the-server',
  sender_localpart: 'other_bot',
}

type Listed = {
  readonly services: readonly { readonly id: string }[]
  readonly faults: readonly { readonly file: string; readonly problem: string; readonly kept_earlier: boolean }[]
}

describe('registration files', () => {
  it('are read again without a restart; a new service is there with its user, a removed one is refused', async () => {
    await using world = await startWithServices()
    world.folder.write('other.yaml', registration(OTHER))
    await command(world.server, 'reload-appservices', {})
    const other = world.as(undefined, OTHER.as_token)
    expect((await other.get('/v3/account/whoami')).user_id).toBe(`@other_bot:${world.server.serverName}`)
    world.folder.remove('other.yaml')
    await command(world.server, 'reload-appservices', {})
    expect(await other.request('GET', '/v3/account/whoami')).toMatchObject({
      status: 401,
      body: { errcode: 'M_UNKNOWN_TOKEN' },
    })
    expect((await world.as().request('GET', '/v3/account/whoami')).status).toBe(200)
  })

  it('may name a sender with capitals, as bridges of the mautrix family write them', async () => {
    const sender_localpart = 'N8hHyJI45T2bTTfAZBWTSV4ZVWzufp7ZD8IJHlGglmt6pI8zoZEVout5q0SrjWek'
    await using world = await startWithServices({ registrations: [registration({ sender_localpart })] })
    const userId = `@${sender_localpart}:${world.server.serverName}`
    expect((await world.as().get('/v3/account/whoami')).user_id).toBe(userId)
    const room = await world.as().createRoom()
    expect((await world.as().get(`/v3/rooms/${encodeURIComponent(room)}/joined_members`)).joined).toHaveProperty([
      userId,
    ])
  })

  it('that break are named, keep what they said before, and stop nothing', async () => {
    await using world = await startWithServices()
    world.folder.write('0.yaml', 'id: [')
    world.folder.write('other.yaml', registration(OTHER))
    await command(world.server, 'reload-appservices', {})
    expect((await world.as().request('GET', '/v3/account/whoami')).status).toBe(200)
    expect((await world.as(undefined, OTHER.as_token).request('GET', '/v3/account/whoami')).status).toBe(200)
    const { services, faults }: Listed = await command(world.server, 'list-appservices', {})
    expect(services.map(({ id }) => id).sort()).toEqual(['irc', 'other'])
    expect(faults).toMatchObject([{ kept_earlier: true, problem: expect.stringContaining('YAML') }])
    expect(faults[0]?.file).toMatch(/0\.yaml$/)
    // After a restart there is no earlier state, and the server starts all the same.
    await world.server.restart()
    expect((await world.as().request('GET', '/v3/account/whoami')).status).toBe(401)
    expect((await world.as(undefined, OTHER.as_token).request('GET', '/v3/account/whoami')).status).toBe(200)
  })

  it.each([
    ['id', { id: 'irc' }, /id irc/],
    ['as_token', { as_token: AS_TOKEN }, /as_token/],
    ['sender_localpart', { sender_localpart: '_irc_bot' }, /sender_localpart/],
  ])('that have the %s of another are refused, by name', async (_, same, problem) => {
    await using world = await startWithServices({
      registrations: [registration(), registration({ ...OTHER, ...same })],
    })
    const { services, faults }: Listed = await command(world.server, 'list-appservices', {})
    expect(services).toHaveLength(1)
    expect(faults[0]?.problem).toMatch(problem)
    expect(faults[0]?.problem).toMatch(/0\.yaml$/)
    expect(faults[0]?.problem).not.toContain(AS_TOKEN)
  })

  it.each([
    ['no mapping', '[]'],
    ['without an id', registration({ id: undefined })],
    ['without a url', registration({ url: undefined })],
    ['with another scheme', registration({ url: 'ftp://127.0.0.1' })],
    ['without a token', registration({ as_token: undefined })],
    ['with a token that no header can have', registration({ as_token: 'a b' })],
    ['with a sender that is no name', registration({ sender_localpart: 'a:b' })],
    ['with namespaces that are no lists', registration({ namespaces: { users: 'all' } })],
    ['with a namespace without regex', registration({ namespaces: { users: [{ exclusive: true }] } })],
    ['with a broken regex', registration({ namespaces: { users: [{ exclusive: true, regex: '@(' }] } })],
    [
      'with a regex that needs to go back',
      registration({ namespaces: { users: [{ exclusive: true, regex: '@(?!a)b' }] } }),
    ],
    ['with a flag that is none', registration({ rate_limited: 'no' })],
    ['with the same key twice', 'id: a\nid: b'],
    [
      'with aliases that grow',
      'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]',
    ],
    ['larger than a registration', `# ${'x'.repeat(300_000)}`],
  ])('%s are refused', async (_, content) => {
    using folder = new RegistrationFolder({ 'bad.yaml': content })
    await using world = await startWithServices({ registrations: [registration()] })
    world.folder.write('bad.yaml', typeof content === 'string' ? content : JSON.stringify(content))
    await command(world.server, 'reload-appservices', {})
    const { services, faults }: Listed = await command(world.server, 'list-appservices', {})
    expect(services).toHaveLength(1)
    expect(faults).toHaveLength(1)
    expect(folder.path).not.toBe('')
  })
})
