import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, it } from 'vitest'
import { type Logger, silentLogger } from '#base'
import { startHomeserver } from '../../support/homeserver.ts'

/** A logger that keeps the fields of its lines. */
const keeping = (): Logger & { readonly lines: object[] } => {
  const lines: object[] = []
  const keep = (fields: object): void => {
    lines.push(fields)
  }
  const logger = { ...silentLogger, warn: keep, error: keep, lines, child: () => logger }
  return logger
}

/** A port at which nothing listens; a moment ago something did. */
const closedPort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

it('a provider that cannot be reached: "fetch failed" says why', async () => {
  const logger = keeping()
  const port = await closedPort()
  const provider = { id: 'company', name: 'Inc.', issuer: `http://127.0.0.1:${port}`, clientId: 'a', clientSecret: 'b' }
  const settings = { signIn: { providers: [provider] }, server: { publicBaseUrl: 'http://127.0.0.1' } }
  await using server = await startHomeserver({ logger, settings })
  const path = '/_matrix/client/v3/login/sso/redirect/company?redirectUrl=http%3A%2F%2Fx%2F'
  await fetch(`${server.url}${path}`, { redirect: 'manual' })
  expect(logger.lines).toEqual([
    expect.objectContaining({ reason: `nothing listens at 127.0.0.1:${port} (ECONNREFUSED)` }),
  ])
})

it('a captcha server that cannot be reached is logged with the reason', async () => {
  const logger = keeping()
  const closing = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(closing, 'listening')
  const { port } = closing.address() as AddressInfo
  const captcha = { publicKey: 'a', privateKey: 'b', verifyUrl: `http://127.0.0.1:${port}` }
  await using server = await startHomeserver({ logger, settings: { captcha, registration: { captcha: true } } })
  const register = (auth: object) =>
    server.client().request('POST', '/v3/register', { body: { username: 'alice', password: 'a password', auth } })
  const { session } = (await register({})).body
  await register({ session, type: 'm.login.recaptcha', response: 'x' })
  closing.close()
  expect(logger.lines).toEqual([expect.objectContaining({ reason: expect.stringMatching(/connection was cut/) })])
})

it('a value that is none of those allowed: the answer lists them, and no "must be equal to constant"', async () => {
  await using server = await startHomeserver()
  const alice = await server.register('alice')
  const errorOf = async (method: 'GET' | 'PUT' | 'POST', path: string, body?: object): Promise<string> =>
    (await alice.request(method, path, body === undefined ? {} : { body })).body.error
  const roomId = await alice.createRoom()
  expect(await errorOf('GET', `/v3/rooms/${roomId}/messages?dir=sideways`)).toBe('dir must be one of "b", "f"')
  const presence = await errorOf('PUT', `/v3/presence/${alice.userId}/status`, { presence: 'asleep' })
  expect(presence).toMatch(/^presence must be one of "[a-z]+", "[a-z]+"/)
  expect(presence).not.toMatch(/constant|anyOf/)
})
