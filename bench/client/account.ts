import type { HttpClient } from './http-client.ts'

const base = '/_matrix/client/v3'

/** The calls that a client can hear news by. */
export type StreamCall = '/sync' | '/events'

/** One registered user with one device. All calls are of the public client-server API, v3. */
export class Account {
  readonly userId: string
  readonly #token: string
  readonly #http: HttpClient

  constructor(http: HttpClient, userId: string, token: string) {
    this.#http = http
    this.userId = userId
    this.#token = token
  }

  /** A `GET` of the stream of news as it goes over the wire: `/sync` or the older `/events`, which waits where there is none. */
  pollRequest(call: StreamCall, host: string, from: string | undefined, timeoutMs: number): string {
    const path =
      call === '/sync'
        ? `/sync?set_presence=offline&filter=${encodedListenerFilter}&timeout=${timeoutMs}${from === undefined ? '' : `&since=${from}`}`
        : `/events?timeout=${timeoutMs}${from === undefined ? '' : `&from=${from}`}`
    return `GET ${this.#http.basePath}${base}${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${this.#token}\r\n\r\n`
  }

  /** Not there, as far as others are told, whatever the user asks for: `/events` has no `set_presence` of its own. */
  async hide(): Promise<void> {
    const path = `${base}/presence/${encodeURIComponent(this.userId)}/status`
    await this.#http.call({ method: 'PUT', path, token: this.#token, body: '{"presence":"offline"}' })
  }

  /** The same user and device over another pool, for requests that each need a waiting connection. */
  over(http: HttpClient): Account {
    return new Account(http, this.userId, this.#token)
  }

  async createRoom(name: string): Promise<string> {
    const body = JSON.stringify({ preset: 'public_chat', visibility: 'private', name })
    const answer = await this.#http.call({ method: 'POST', path: `${base}/createRoom`, token: this.#token, body })
    return stringField(answer, 'room_id')
  }

  async join(roomId: string): Promise<void> {
    await this.#post(`/join/${encodeURIComponent(roomId)}`)
  }

  async leave(roomId: string): Promise<void> {
    await this.#post(`/rooms/${encodeURIComponent(roomId)}/leave`)
  }

  /** The path up to the transaction id, to be built once per room and not once per message. */
  sendPath(roomId: string): string {
    return `${base}/rooms/${encodeURIComponent(roomId)}/send/m.room.message/`
  }

  /** `path` is `sendPath(room)` with a transaction id behind it. */
  async put(path: string, body: string): Promise<string> {
    return this.#http.call({ method: 'PUT', path, token: this.#token, body })
  }

  /** Answers the raw text: who waits for a marker or counts bytes need not parse megabytes. */
  async sync(query: {
    since?: string
    timeoutMs: number
    filter?: string
    presence?: 'online' | 'offline'
  }): Promise<string> {
    const since = query.since === undefined ? '' : `&since=${encodeURIComponent(query.since)}`
    const filter = query.filter === undefined ? '' : `&filter=${encodeURIComponent(query.filter)}`
    const path = `${base}/sync?set_presence=${query.presence ?? 'offline'}&timeout=${query.timeoutMs}${since}${filter}`
    return this.#http.call({ method: 'GET', path, token: this.#token })
  }

  /** Answers the raw text. */
  async search(term: string, order: 'recent' | 'rank'): Promise<string> {
    const events = { search_term: term, keys: ['content.body'], order_by: order, filter: { limit: 10 } }
    const body = JSON.stringify({ search_categories: { room_events: events } })
    return this.#http.call({ method: 'POST', path: `${base}/search`, token: this.#token, body })
  }

  async setPresence(presence: 'online' | 'unavailable', statusMsg: string): Promise<void> {
    const path = `${base}/presence/${encodeURIComponent(this.userId)}/status`
    const body = JSON.stringify({ presence, status_msg: statusMsg })
    await this.#http.call({ method: 'PUT', path, token: this.#token, body })
  }

  /** The call of 2015 that `/sync` without `since` took the place of. */
  async initialSync(limit: number): Promise<string> {
    return this.#http.call({ method: 'GET', path: `${base}/initialSync?limit=${limit}`, token: this.#token })
  }

  async events(query: { from?: string; timeoutMs: number }): Promise<string> {
    const from = query.from === undefined ? '' : `&from=${encodeURIComponent(query.from)}`
    return this.#http.call({
      method: 'GET',
      path: `${base}/events?timeout=${query.timeoutMs}${from}`,
      token: this.#token,
    })
  }

  async messagesBack(roomId: string, limit: number, from?: string): Promise<string> {
    const start = from === undefined ? '' : `&from=${encodeURIComponent(from)}`
    const path = `${base}/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=${limit}${start}`
    return this.#http.call({ method: 'GET', path, token: this.#token })
  }

  /** The id of the one device. */
  async deviceId(): Promise<string> {
    const answer = await this.#http.call({ method: 'GET', path: `${base}/account/whoami`, token: this.#token })
    return stringField(answer, 'device_id')
  }

  /** Keys of the device, or a request for the keys of others: `/keys/upload`, `/keys/claim`. Answers the raw text. */
  async keys(call: 'upload' | 'claim', body: string): Promise<string> {
    return this.#http.call({ method: 'POST', path: `${base}/keys/${call}`, token: this.#token, body })
  }

  async #post(path: string): Promise<void> {
    await this.#http.call({ method: 'POST', path: base + path, token: this.#token, body: '{}' })
  }
}

/** The string under a top-level key of a small answer. */
export function stringField(answer: string, key: string): string {
  const value: unknown = (JSON.parse(answer) as Record<string, unknown>)[key]
  if (typeof value !== 'string') throw new Error(`the answer holds no "${key}": ${answer.slice(0, 200)}`)
  return value
}

/**
 * `next_batch` without parsing the answer, which may be megabytes. Safe here because quotes inside JSON strings are escaped
 * and nothing the bench sends uses that word as a key.
 */
export function nextBatch(answer: string): string {
  const found = /"next_batch"\s*:\s*("(?:[^"\\]|\\.)*")/.exec(answer)?.[1]
  if (found === undefined) throw new Error('the /sync answer holds no next_batch')
  return JSON.parse(found) as string
}

/** What a client with lazy loading asks for. */
export const presentFilter = JSON.stringify({
  room: { timeline: { limit: 10 }, state: { lazy_load_members: true } },
})

/** The same; presence is left out so that 1,000 listeners do not wake one another by waiting. */
export const listenerFilter = JSON.stringify({
  presence: { not_types: ['*'] },
  room: { timeline: { limit: 10 }, state: { lazy_load_members: true } },
})

const encodedListenerFilter = encodeURIComponent(listenerFilter)
