import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { command } from '../../support/operator.ts'
import { AS_TOKEN, startWithServices } from '../appservices/fixture.ts'
import { run, temporaryFolder } from './cli-fixture.ts'

const generate = (...args: readonly string[]) => run(['generate-appservice', ...args, '--server-name', 'localhost'])

it('a generated registration is taken as it is, and the service acts as its users', async () => {
  await using world = await startWithServices()
  using folder = temporaryFolder()
  const file = join(folder.path, 'weather.yaml')
  const { code, stdout, stderr } = await generate(
    ...['weather', '--url', 'http://127.0.0.1:29399', '--sender', 'weatherbot'],
    ...['--users', '@_weather_.*:localhost', '--aliases', '#weather_.*:localhost', '--encryption', '--output', file],
  )
  expect([code, stdout, stderr]).toEqual([0, '', ''])
  expect(statSync(file).mode & 0o777).toBe(0o600)
  const written = parse(readFileSync(file, 'utf8'))
  expect(written).toMatchObject({
    ...{ id: 'weather', url: 'http://127.0.0.1:29399', sender_localpart: 'weatherbot', rate_limited: true },
    namespaces: {
      users: [{ regex: '@_weather_.*:localhost', exclusive: true }],
      aliases: [{ regex: '#weather_.*:localhost', exclusive: true }],
      rooms: [],
    },
    ...{ receive_ephemeral: true, 'org.matrix.msc3202': true, 'io.element.msc4190': true },
  })
  expect(written.as_token).toMatch(/^[A-Za-z0-9]{64}$/)
  expect(written.hs_token).not.toBe(written.as_token)
  world.folder.write('weather.yaml', readFileSync(file, 'utf8'))
  const { faults } = await command(world.server, 'reload-appservices', {})
  expect(faults).toEqual([])
  const bot = world.as(undefined, written.as_token)
  expect((await bot.get('/v3/account/whoami')).user_id).toBe('@weatherbot:localhost')
  const body = { type: 'm.login.application_service', username: '_weather_rain' }
  expect((await bot.request('POST', '/v3/register', { body })).status).toBe(200)
  const irc = world.as(undefined, AS_TOKEN)
  const taken = await irc.request('POST', '/v3/register', { body: { ...body, username: '_weather_snow' } })
  expect([taken.status, taken.body.errcode]).toEqual([400, 'M_EXCLUSIVE'])
})

it('double puppets are everybody, shared, and nothing is sent to them', async () => {
  const { code, stdout } = await run([
    'generate-appservice',
    'puppets',
    '--double-puppets',
    '--server-name',
    'a.example',
  ])
  expect(code).toBe(0)
  expect(parse(stdout)).toMatchObject({
    ...{ id: 'puppets', url: null, sender_localpart: 'puppets', rate_limited: false },
    namespaces: { users: [{ regex: '@.*:a\\.example', exclusive: false }], aliases: [], rooms: [] },
  })
  const again = await run(['generate-appservice', 'puppets', '--double-puppets', '--server-name', 'a.example'])
  expect(parse(again.stdout).as_token).not.toBe(parse(stdout).as_token)
})

it('no registration is written that this server would not take, nor over another file', async () => {
  using folder = temporaryFolder()
  const file = join(folder.path, 'new.yaml')
  for (const [wrong, why] of [
    [['irc', '--url', 'not an address'], 'url is no address'],
    [['irc', '--users', '@(?=x).*:localhost'], 'namespaces.users[0]'],
    [['irc', '--sender', 'no name'], 'sender_localpart is no user name'],
    [[], 'The id is missing'],
    [['irc', '--shoe-size', '44'], 'shoe-size'],
  ] as const) {
    const { code, stderr } = await generate(...wrong, '--output', file)
    expect([wrong, code, stderr.includes(why)]).toEqual([wrong, 78, true])
    expect(existsSync(file)).toBe(false)
  }
  expect((await generate('irc', '--output', file)).code).toBe(0)
  const before = readFileSync(file, 'utf8')
  const { code, stderr } = await generate('irc', '--output', file)
  expect([code, stderr]).toEqual([78, expect.stringContaining('new.yaml cannot be written')])
  expect(readFileSync(file, 'utf8')).toBe(before)
})
