import { checkResponse } from './openapi.ts'

// biome-ignore lint/suspicious/noExplicitAny: what a test reads from a response is judged by its assertions and by the official schemas, not by types.
export type Json = any
export type Body = Readonly<Record<string, unknown>>
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Json
}

export interface RequestOptions {
  readonly body?: unknown
  readonly query?: Query
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  /** Default: the access token of the client, where it has one. */
  readonly token?: string | null
}

/** An answer outside 200 to 299 where the test wanted one inside. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused'
  readonly status: number
  readonly errcode: string | undefined
  readonly body: Json

  constructor(title: string, { status, body }: Answer) {
    super(`${title} was answered ${status}: ${JSON.stringify(body)}`)
    this.status = status
    this.errcode = body?.errcode
    this.body = body
  }
}

export const PASSWORD = 'correct horse battery staple'

const enc = encodeURIComponent
const messageOf = (text: string): Body => ({ msgtype: 'm.text', body: text })

/**
 * A small Matrix client for tests. Each response that is JSON goes through the official OpenAPI data, and what contradicts it
 * fails the test. Paths are given below `/_matrix/client` (`/v3/sync`), or in full where they begin with another slash-word.
 */
export class TestClient {
  readonly #base: () => string
  readonly #checked: boolean
  #transactions = 0
  userId = ''
  deviceId = ''
  accessToken: string | undefined
  refreshToken: string | undefined

  /** Answers of other servers than ours are not held against the official data: `checked: false`. */
  constructor(base: string | (() => string), { checked = true }: { readonly checked?: boolean } = {}) {
    this.#base = typeof base === 'string' ? () => base : base
    this.#checked = checked
  }

  /** Another client of the same account, on a device of its own. */
  async loginAgain(extra: Body = {}): Promise<TestClient> {
    const other = new TestClient(this.#base, { checked: this.#checked })
    await other.login(this.userId, extra)
    return other
  }

  /** Sends a request and answers with whatever came back, having held it against the official data. */
  async request(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
    const fullPath = /^\/(v\d|r0|unstable|versions)/.test(path) ? `/_matrix/client${path}` : path
    const token = options.token === undefined ? this.accessToken : options.token
    const response = await fetch(`${this.#base()}${fullPath}${queryText(options.query)}`, {
      method,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined
        ? {}
        : { body: typeof options.body === 'string' ? options.body : JSON.stringify(options.body) }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    const text = await response.text()
    if (method === 'HEAD' || !response.headers.get('content-type')?.includes('application/json')) {
      return { status: response.status, headers: response.headers, body: text }
    }
    const body: Json = JSON.parse(text)
    // MSC4140 gives these two paths an answer that the official data does not know.
    const isDelayed = options.query?.['org.matrix.msc4140.delay'] !== undefined && response.ok
    const violations = isDelayed || !this.#checked ? [] : checkResponse(method, fullPath, response.status, body)
    if (violations.length > 0)
      throw new Error(`the response contradicts the specification:\n${violations.join('\n')}\n${text.slice(0, 2000)}`)
    return { status: response.status, headers: response.headers, body }
  }

  /** Like `request`, for when it is to succeed: the body. Throws `RequestRefused`. */
  async ok(method: string, path: string, options: RequestOptions = {}): Promise<Json> {
    const answer = await this.request(method, path, options)
    if (answer.status < 200 || answer.status > 299) throw new RequestRefused(`${method} ${path}`, answer)
    return answer.body
  }

  get(path: string, query?: Query): Promise<Json> {
    return this.ok('GET', path, query === undefined ? {} : { query })
  }

  post(path: string, body: unknown = {}): Promise<Json> {
    return this.ok('POST', path, { body })
  }

  put(path: string, body: unknown = {}): Promise<Json> {
    return this.ok('PUT', path, { body })
  }

  delete(path: string, body?: unknown): Promise<Json> {
    return this.ok('DELETE', path, body === undefined ? {} : { body })
  }

  // --- accounts ---

  /** The two steps of a registration: asking what is wanted, and doing it. */
  async register(username: string, extra: Body = {}): Promise<Json> {
    const wish = { username, password: PASSWORD, ...extra }
    const question = await this.request('POST', '/v3/register', { body: wish, token: null })
    if (question.status !== 401) throw new RequestRefused('POST /v3/register', question)
    const auth = { type: 'm.login.dummy', session: question.body.session }
    const body = await this.ok('POST', '/v3/register', { body: { ...wish, auth }, token: null })
    this.#adopt(body)
    return body
  }

  /** With a user id or its local part. */
  async login(user: string, extra: Body = {}): Promise<Json> {
    const identifier = { type: 'm.id.user', user }
    const body = await this.post('/v3/login', { type: 'm.login.password', identifier, password: PASSWORD, ...extra })
    this.#adopt(body)
    return body
  }

  #adopt(body: Json): void {
    this.userId = body.user_id
    this.deviceId = body.device_id ?? ''
    this.accessToken = body.access_token
    this.refreshToken = body.refresh_token
  }

  // --- rooms ---

  /** Answers with the id of the room. */
  async createRoom(options: Body = {}): Promise<string> {
    return (await this.post('/v3/createRoom', options)).room_id
  }

  async join(roomIdOrAlias: string, body: Body = {}): Promise<string> {
    return (await this.post(`/v3/join/${enc(roomIdOrAlias)}`, body)).room_id
  }

  invite(roomId: string, userId: string, extra: Body = {}): Promise<Json> {
    return this.post(`/v3/rooms/${enc(roomId)}/invite`, { user_id: userId, ...extra })
  }

  leave(roomId: string, body: Body = {}): Promise<Json> {
    return this.post(`/v3/rooms/${enc(roomId)}/leave`, body)
  }

  kick(roomId: string, userId: string, reason?: string): Promise<Json> {
    return this.post(`/v3/rooms/${enc(roomId)}/kick`, { user_id: userId, ...(reason === undefined ? {} : { reason }) })
  }

  ban(roomId: string, userId: string, reason?: string): Promise<Json> {
    return this.post(`/v3/rooms/${enc(roomId)}/ban`, { user_id: userId, ...(reason === undefined ? {} : { reason }) })
  }

  unban(roomId: string, userId: string): Promise<Json> {
    return this.post(`/v3/rooms/${enc(roomId)}/unban`, { user_id: userId })
  }

  // --- events ---

  /** A transaction id that this client has not used. */
  nextTransaction(): string {
    this.#transactions += 1
    return `t${this.#transactions}`
  }

  /** Answers with the id of the event. */
  async send(roomId: string, type: string, content: Body, transaction = this.nextTransaction()): Promise<string> {
    return (await this.put(`/v3/rooms/${enc(roomId)}/send/${enc(type)}/${enc(transaction)}`, content)).event_id
  }

  sendText(roomId: string, text: string): Promise<string> {
    return this.send(roomId, 'm.room.message', messageOf(text))
  }

  async redact(roomId: string, eventId: string, reason?: string): Promise<string> {
    const path = `/v3/rooms/${enc(roomId)}/redact/${enc(eventId)}/${this.nextTransaction()}`
    return (await this.put(path, reason === undefined ? {} : { reason })).event_id
  }

  async setState(roomId: string, type: string, stateKey: string, content: Body): Promise<string> {
    return (await this.put(`/v3/rooms/${enc(roomId)}/state/${enc(type)}/${enc(stateKey)}`, content)).event_id
  }

  getState(roomId: string, type: string, stateKey = ''): Promise<Json> {
    return this.get(`/v3/rooms/${enc(roomId)}/state/${enc(type)}/${enc(stateKey)}`)
  }

  /** Content of the user's own member event, once `found` is content with it: a changed profile reaches the rooms after its request was answered. */
  async ownMember(roomId: string, found: (content: Json) => boolean): Promise<Json> {
    let token = (await this.sync()).next_batch
    for (let round = 0; round < 2_000; round += 1) {
      const content = await this.getState(roomId, 'm.room.member', this.userId)
      if (found(content)) return content
      token = (await this.nextSync(token)).next_batch
    }
    throw new Error('the member event did not become what was waited for')
  }

  setProfileField(key: string, value: unknown): Promise<Json> {
    return this.put(`/v3/profile/${enc(this.userId)}/${enc(key)}`, { [key]: value })
  }

  removeProfileField(key: string): Promise<Json> {
    return this.delete(`/v3/profile/${enc(this.userId)}/${enc(key)}`)
  }

  getEvent(roomId: string, eventId: string): Promise<Json> {
    return this.get(`/v3/rooms/${enc(roomId)}/event/${enc(eventId)}`)
  }

  messages(roomId: string, query: Query): Promise<Json> {
    return this.get(`/v3/rooms/${enc(roomId)}/messages`, query)
  }

  typing(roomId: string, timeoutMs: number): Promise<Json> {
    const body = timeoutMs > 0 ? { typing: true, timeout: timeoutMs } : { typing: false }
    return this.put(`/v3/rooms/${enc(roomId)}/typing/${enc(this.userId)}`, body)
  }

  receipt(roomId: string, eventId: string, type = 'm.read', body: Body = {}): Promise<Json> {
    return this.post(`/v3/rooms/${enc(roomId)}/receipt/${enc(type)}/${enc(eventId)}`, body)
  }

  sync(query: Query = {}): Promise<Json> {
    return this.get('/v3/sync', query)
  }

  /** The first news after `since` that is not presence. */
  nextSync(since: string, timeout = 300_000): Promise<Json> {
    return this.sync({ since, timeout, filter: NO_PRESENCE })
  }

  /** Syncs from `since` until `found` is content, each time waiting for news; answers with the sync that it was content with. */
  async syncUntil(since: string, found: (sync: Json) => boolean, limit = 20): Promise<Json> {
    let token = since
    for (let round = 0; round < limit; round += 1) {
      const sync = await this.sync({ since: token, timeout: 5000 })
      if (found(sync)) return sync
      token = sync.next_batch
    }
    throw new Error(`${limit} syncs did not bring what was waited for`)
  }
}

/** A filter; presence comes in its own time, and would end a long poll before the news that it is asked for. */
export const NO_PRESENCE = JSON.stringify({ presence: { not_types: ['*'] } })

function queryText(query: Query = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined) params.append(name, String(one))
  }
  return params.size === 0 ? '' : `?${params.toString()}`
}
