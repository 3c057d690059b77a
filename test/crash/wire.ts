import { Agent, request } from 'node:http'

// biome-ignore lint/suspicious/noExplicitAny: what a test reads from a response is judged by its assertions, not by types.
export type Json = any

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Json
}

export interface Ask {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Below `/_matrix/client`. */
  readonly path: string
  readonly token?: string | undefined
  readonly body?: unknown
}

/** Beyond it no answer is a fault of its own: the longest that the server itself promises to wait is shorter. */
export const ANSWER_WITHIN_MS = 45_000

/**
 * HTTP without any second try of its own. `undefined` is no answer, or half of one: then nobody was told anything.
 */
export class Wire {
  readonly #url: () => string
  #agent = new Agent({ keepAlive: true, maxSockets: 64 })

  constructor(url: () => string) {
    this.#url = url
  }

  /** Forgets connections to a server that is gone. */
  reset(): void {
    this.#agent.destroy()
    this.#agent = new Agent({ keepAlive: true, maxSockets: 64 })
  }

  ask({ method, path, token, body }: Ask): Promise<Reply | undefined> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    }
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.#url()}/_matrix/client${path}`, { method, headers, agent: this.#agent })
      outgoing.setTimeout(ANSWER_WITHIN_MS, () => {
        reject(new Error(`no answer within ${ANSWER_WITHIN_MS} ms: ${method} ${path}`))
        outgoing.destroy()
      })
      outgoing.on('error', () => resolve(undefined))
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = []
        // Cut off in the middle: `complete` says so below.
        incoming.on('error', () => {})
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
        incoming.on('close', () => {
          if (!incoming.complete) return resolve(undefined)
          const { statusCode = 0, headers: answered } = incoming
          try {
            resolve({ status: statusCode, headers: answered, body: JSON.parse(Buffer.concat(chunks).toString()) })
          } catch (error) {
            reject(new Error(`${method} ${path} was answered with what is no JSON: ${String(error)}`))
          }
        })
      })
      outgoing.end(text)
    })
  }

  /** For what must succeed. */
  async ok(ask: Ask): Promise<Json> {
    const reply = await this.ask(ask)
    if (reply?.status !== 200) {
      throw new Error(`${ask.method} ${ask.path} was answered ${reply?.status} ${JSON.stringify(reply?.body)}`)
    }
    return reply.body
  }
}

export const enc = encodeURIComponent
export const PASSWORD = 'correct horse battery staple'

export interface Account {
  readonly userId: string
  readonly token: string
}

/** Both steps of a registration; the reply of the one that was not answered with what leads on. */
export const registration = async (wire: Wire, username: string): Promise<Reply | undefined> => {
  const wish = { username, password: PASSWORD }
  const question = await wire.ask({ method: 'POST', path: '/v3/register', body: wish })
  if (question?.status !== 401) return question
  const auth = { type: 'm.login.dummy', session: question.body.session }
  return wire.ask({ method: 'POST', path: '/v3/register', body: { ...wish, auth } })
}

export const register = async (wire: Wire, username: string): Promise<Account> => {
  const reply = await registration(wire, username)
  if (reply?.status !== 200) throw new Error(`${username} was answered ${reply?.status} ${JSON.stringify(reply?.body)}`)
  return { userId: reply.body.user_id, token: reply.body.access_token }
}

export const login = (wire: Wire, user: string): Promise<Reply | undefined> =>
  wire.ask({
    method: 'POST',
    path: '/v3/login',
    body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: PASSWORD },
  })
