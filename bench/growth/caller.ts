import { Agent, request } from 'node:http'

/** One user of a grown server; it goes on at the server's new address after a restart. */
export class Caller {
  readonly #url: () => string
  readonly #agent = new Agent({ keepAlive: true })
  #made = 0
  userId = ''
  token = ''

  constructor(url: () => string) {
    this.#url = url
  }

  async register(username: string): Promise<void> {
    const wish = { username, password: `bench-${username}` }
    const { session } = await this.#ask('POST', '/register', wish, 401)
    const answer = await this.post('/register', { ...wish, auth: { type: 'm.login.dummy', session } })
    this.userId = String(answer.user_id)
    this.token = String(answer.access_token)
  }

  /** Paths are of v3 unless they begin with `/_matrix`. */
  get(path: string): Promise<Answer> {
    return this.#ask('GET', path, undefined, 200)
  }

  post(path: string, body: unknown = {}): Promise<Answer> {
    return this.#ask('POST', path, body, 200)
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.#ask('PUT', path, body, 200)
  }

  async createRoom(options: unknown): Promise<string> {
    return String((await this.post('/createRoom', options)).room_id)
  }

  /** Answers with the id of the event. */
  async send(roomId: string, body: string): Promise<string> {
    this.#made += 1
    const path = `/rooms/${enc(roomId)}/send/m.room.message/${process.pid}-${Date.now()}-${this.#made}`
    return String((await this.put(path, { msgtype: 'm.text', body })).event_id)
  }

  /** Answers with the token behind the answer. */
  async sync(query = ''): Promise<string> {
    return String((await this.get(`/sync?set_presence=offline&${query}`)).next_batch)
  }

  /** Reads the answer of a `GET` piece by piece, and the next piece only after `taken` is done with those before. Answers with its size. */
  async read(path: string, taken: (bytes: number) => Promise<void>): Promise<number> {
    const answer = await fetch(`${this.#url()}/_matrix/client/v3${path}`, {
      headers: { authorization: `Bearer ${this.token}` },
    })
    if (answer.status !== 200) throw new Error(`GET ${path} was answered ${answer.status}`)
    let bytes = 0
    for await (const chunk of answer.body ?? []) {
      bytes += chunk.length
      await taken(bytes)
    }
    return bytes
  }

  async #ask(method: string, path: string, body: unknown, wanted: number): Promise<Answer> {
    const { status, text } = await this.#exchange(method, path, body)
    if (status !== wanted) throw new Error(`${method} ${path} was answered ${status}: ${text.slice(0, 300)}`)
    return JSON.parse(text) as Answer
  }

  #exchange(method: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const authorization = this.token === '' ? {} : { authorization: `Bearer ${this.token}` }
      const whole = path.startsWith('/_matrix') ? path : `/_matrix/client/v3${path}`
      const asked = request(
        `${this.#url()}${whole}`,
        { method, agent: this.#agent, headers: { ...authorization, 'content-type': 'application/json' } },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
          )
        },
      )
      asked.on('error', reject)
      asked.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }
}

export type Answer = Record<string, unknown>
export const enc = encodeURIComponent
