import { describe, expect, it } from 'vitest'
import { PASSWORD } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const listen = { trustProxy: ['127.0.0.1'] }
const from = (address: string) => ({ 'x-forwarded-for': address })

describe('wrong access tokens', () => {
  const whoami = async (server: TestHomeserver, token: string, address: string): Promise<number> =>
    (await server.client().request('GET', '/v3/account/whoami', { token, headers: from(address) })).status
  const wrong = (number: number): string => `hra_${String(number).padStart(43, 'x')}`

  it('are limited for each address, whatever they look like, and those in use there go on', async () => {
    await using server = await startHomeserver({
      settings: { rateLimits: { enabled: true, wrongToken: '5/600s' }, listen },
    })
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    expect(await whoami(server, alice.accessToken ?? '', '192.0.2.1')).toBe(200)
    const statuses: number[] = []
    for (let number = 0; number < 8; number++)
      statuses.push(await whoami(server, number % 2 === 0 ? wrong(number) : `made-up-${number}`, '192.0.2.1'))
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429])
    expect(await whoami(server, alice.accessToken ?? '', '192.0.2.1')).toBe(200)
    // A token that nobody has used lately is not looked up for this address, right or wrong.
    expect(await whoami(server, (await bob.loginAgain()).accessToken ?? '', '192.0.2.1')).toBe(429)
    expect(await whoami(server, bob.accessToken ?? '', '192.0.2.2')).toBe(200)
    expect(await whoami(server, wrong(1), '192.0.2.2')).toBe(401)
  })
})

describe('an account whose password strangers guess', () => {
  const rateLimits = { enabled: true, login: '4/600s', accountLogin: '12/600s' }
  const start = () => startHomeserver({ settings: { rateLimits, listen } })
  const logIn = async (server: TestHomeserver, password: string, address: string): Promise<number> => {
    const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'victim' }, password }
    return (await server.client().request('POST', '/v3/login', { body, headers: from(address) })).status
  }
  const guess = async (server: TestHomeserver, times: number, address: (index: number) => string) => {
    const statuses: number[] = []
    for (let index = 0; index < times; index++) statuses.push(await logIn(server, 'wrong', address(index)))
    return statuses
  }

  it('is locked by one address for this address alone', async () => {
    await using server = await start()
    await server.register('victim')
    expect(await guess(server, 6, () => '192.0.2.1')).toEqual([403, 403, 403, 403, 429, 429])
    expect(await logIn(server, PASSWORD, '192.0.2.2')).toBe(200)
  })

  it('is guarded from many addresses together, and open where the user has been seen', async () => {
    await using server = await start()
    await server.register('victim')
    expect(await logIn(server, PASSWORD, '198.51.100.7')).toBe(200)
    const statuses = await guess(server, 20, (index) => `192.0.2.${index}`)
    expect(statuses.slice(0, 11)).toEqual(Array(11).fill(403))
    expect(statuses.slice(11)).toEqual(Array(9).fill(429))
    expect(await logIn(server, PASSWORD, '203.0.113.1')).toBe(429)
    expect(await logIn(server, PASSWORD, '198.51.100.7')).toBe(200)
    // Also there nobody guesses for ever.
    expect(await guess(server, 3, () => '198.51.100.7')).toEqual([403, 403, 429])
  })

  it('stays open to its own sessions, which confirm things with the password', async () => {
    await using server = await start()
    const victim = await server.register('victim')
    await guess(server, 20, (index) => `192.0.2.${index}`)
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'victim' }, password: PASSWORD }
    const body = { devices: ['NONE'], auth }
    expect((await victim.request('POST', '/v3/delete_devices', { body, headers: from('203.0.113.9') })).status).toBe(
      200,
    )
  })

  it('is not guessed by its own sessions without end either', async () => {
    await using server = await start()
    const victim = await server.register('victim')
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'victim' }, password: 'wrong' }
    const statuses: number[] = []
    for (let index = 0; index < 6; index++) {
      const body = { devices: ['NONE'], auth }
      const headers = from(`203.0.113.${index}`)
      statuses.push((await victim.request('POST', '/v3/delete_devices', { body, headers })).status)
    }
    expect(statuses).toEqual([401, 401, 401, 401, 429, 429])
  })
})
