import { createHmac } from 'node:crypto'
import { Account, stringField } from './account.ts'
import { type HttpClient, type HttpRequest, TargetError } from './http-client.ts'

/** Open registration with user-interactive authentication, or the shared-secret API of Synapse that other servers also have. */
export type RegistrationWay = { kind: 'open' } | { kind: 'shared-secret'; secret: string }

const openPath = '/_matrix/client/v3/register'
const secretPath = '/_synapse/admin/v1/register'

export async function register(http: HttpClient, way: RegistrationWay, localpart: string): Promise<Account> {
  const password = `bench-${localpart}`
  switch (way.kind) {
    case 'open':
      return accountOf(http, await registerOpen(http, localpart, password))
    case 'shared-secret':
      return accountOf(http, await registerWithSecret(http, way.secret, localpart, password))
  }
}

/** Client-server API, "User-Interactive Authentication API": the first call is refused with 401 and a session. */
async function registerOpen(http: HttpClient, username: string, password: string): Promise<string> {
  const first: HttpRequest = { method: 'POST', path: openPath, body: JSON.stringify({ username, password }) }
  const refused = await http.exchange(first)
  if (refused.status === 200) return refused.body
  if (refused.status !== 401) throw new TargetError(first, refused)
  const session = stringField(refused.body, 'session')
  if (!offersDummy(refused.body)) {
    throw new Error(`open registration needs a flow of m.login.dummy alone; the target offers ${refused.body}`)
  }
  const auth = { type: 'm.login.dummy', session }
  return http.call({ method: 'POST', path: openPath, body: JSON.stringify({ username, password, auth }) })
}

function offersDummy(answer: string): boolean {
  const flows = (JSON.parse(answer) as { flows?: { stages?: unknown[] }[] }).flows ?? []
  return flows.some((flow) => flow.stages?.length === 1 && flow.stages[0] === 'm.login.dummy')
}

async function registerWithSecret(http: HttpClient, secret: string, username: string, password: string) {
  const nonce = stringField(await http.call({ method: 'GET', path: secretPath }), 'nonce')
  const mac = sharedSecretMac(secret, { nonce, username, password, admin: false })
  return http.call({
    method: 'POST',
    path: secretPath,
    body: JSON.stringify({ nonce, username, password, admin: false, mac }),
  })
}

/** HMAC-SHA1 in hex over nonce, user name, password and "admin" or "notadmin", a NUL between each. */
export function sharedSecretMac(
  secret: string,
  user: { nonce: string; username: string; password: string; admin: boolean },
): string {
  const parts = [user.nonce, user.username, user.password, user.admin ? 'admin' : 'notadmin']
  return createHmac('sha1', secret).update(parts.join('\0')).digest('hex')
}

function accountOf(http: HttpClient, answer: string): Account {
  return new Account(http, stringField(answer, 'user_id'), stringField(answer, 'access_token'))
}
