import { createHmac } from 'node:crypto'
import type { TestClient } from '../../support/client.ts'
import type { StartHomeserver, TestHomeserver } from '../../support/homeserver.ts'

const SECRET = 'only for tests'
export const ADMINISTERED = { settings: { registration: { mode: 'open', sharedSecret: SECRET } } } as const

/** A client of a new account that may administer the server, which was started with `ADMINISTERED`. */
export const registerAdministrator = async (server: TestHomeserver, username: string): Promise<TestClient> => {
  const client = server.client()
  const { nonce } = await client.get('/_synapse/admin/v1/register')
  const password = 'correct horse battery staple'
  const mac = createHmac('sha1', SECRET).update([nonce, username, password, 'admin'].join('\0')).digest('hex')
  await client.post('/_synapse/admin/v1/register', { nonce, username, password, admin: true, mac })
  await client.login(username)
  return client
}

export interface Administered {
  readonly server: TestHomeserver
  readonly admin: TestClient
}

/** A server with an administrator. */
export const administered = async (start: StartHomeserver): Promise<Administered & AsyncDisposable> => {
  const server = await start(ADMINISTERED)
  const admin = await registerAdministrator(server, 'root')
  return { server, admin, [Symbol.asyncDispose]: () => server.stop() }
}
