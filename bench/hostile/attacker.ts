import { Agent, request } from 'node:http'

export interface AttackAnswer {
  readonly status: number
  readonly text: string
}

export interface AttackOptions {
  readonly body?: unknown
  /** Default: that of the account. */
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Goes away after so long, and has read nothing of the answer. */
  readonly goesAfterMs?: number
}

/** An account that means no good: sends whatever it is told and never throws for an answer. */
export class Attacker {
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 200 })
  readonly name: string
  token = ''
  userId = ''
  /** The room of the scene. */
  roomId = ''
  since = ''
  #made = 0

  constructor(url: string, name: string) {
    this.#url = url
    this.name = name
  }

  /** A number that no other request had. */
  next(): number {
    this.#made += 1
    return this.#made
  }

  async register(): Promise<void> {
    const wish = { username: this.name, password: `bench-${this.name}` }
    const { session } = JSON.parse((await this.ask('POST', '/v3/register', { body: wish })).text)
    const auth = { type: 'm.login.dummy', session }
    const made = JSON.parse((await this.ask('POST', '/v3/register', { body: { ...wish, auth } })).text)
    this.token = made.access_token
    this.userId = made.user_id
  }

  /** Like `ask`, for what must succeed. */
  async must(method: string, path: string, options: AttackOptions = {}): Promise<Record<string, unknown>> {
    const { status, text } = await this.ask(method, path, options)
    if (status !== 200) throw new Error(`${method} ${path} was answered ${status}: ${text.slice(0, 200)}`)
    return JSON.parse(text)
  }

  async room(options: object = {}): Promise<string> {
    return String((await this.must('POST', '/v3/createRoom', { body: options })).room_id)
  }

  send(roomId: string, content: object, type = 'm.room.message'): Promise<Record<string, unknown>> {
    const path = `/v3/rooms/${encodeURIComponent(roomId)}/send/${type}/m${this.next()}`
    return this.must('PUT', path, { body: content })
  }

  state(roomId: string, type: string, key: string, content: object): Promise<Record<string, unknown>> {
    const path = `/v3/rooms/${encodeURIComponent(roomId)}/state/${type}/${encodeURIComponent(key)}`
    return this.must('PUT', path, { body: content })
  }

  /** Paths below `/_matrix/client`, or whole ones. Status 0: there was no answer. */
  ask(method: string, path: string, options: AttackOptions = {}): Promise<AttackAnswer> {
    const { body, token = this.token, headers, goesAfterMs } = options
    const whole = /^\/(?:_|health|nothing)/.test(path) ? path : `/_matrix/client${path}`
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
    const bearer = token === '' ? {} : { authorization: `Bearer ${token}` }
    return new Promise((resolve, reject) => {
      const asked = request(`${this.#url}${whole}`, { method, agent: this.#agent, headers: { ...bearer, ...headers } })
      if (goesAfterMs === undefined) {
        asked.on('response', (response) => {
          const pieces: Buffer[] = []
          response.on('data', (piece: Buffer) => pieces.push(piece))
          response.on('error', reject)
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }),
          )
        })
        asked.on('error', reject)
      } else {
        const go = (): void => {
          asked.destroy()
          resolve({ status: 0, text: '' })
        }
        asked.on('error', go)
        setTimeout(go, goesAfterMs)
      }
      if (goesAfterMs === undefined || headers === undefined) asked.end(sent)
      else asked.write(sent ?? '')
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}
