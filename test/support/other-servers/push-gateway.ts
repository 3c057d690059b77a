import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Body, Json, TestClient } from '../client.ts'

type Reaction = (response: ServerResponse, notification: Json) => void

const take: Reaction = (response) => {
  response.setHeader('content-type', 'application/json').end('{"rejected":[]}')
}

/** A push gateway on loopback, which keeps what it is sent and answers as it is told. */
export class PushGateway {
  readonly #server: Server
  readonly #queue: Json[] = []
  readonly #waiting: ((notification: Json) => void)[] = []
  /** How many requests came, those that nobody has read yet among them. */
  requests = 0
  react: Reaction = take

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { notification } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Json
        this.requests += 1
        const wants = this.#waiting.shift()
        this.react(response, notification)
        if (wants === undefined) this.#queue.push(notification)
        else wants(notification)
      })
    })
  }

  static async start(): Promise<PushGateway> {
    const server = createServer()
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    return new PushGateway(server)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/_matrix/push/v1/notify`
  }

  /** From now on answers like a gateway in order. */
  recover(): void {
    this.react = take
  }

  /** The next notification, also one that came before. */
  next(): Promise<Json> {
    const held = this.#queue.shift()
    return held === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(held)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((closed) => this.#server.close(closed))
  }
}

export const pusherOf = (url: string, extra: Body = {}): Body => ({
  kind: 'http',
  app_id: 'org.example.app',
  pushkey: 'key',
  app_display_name: 'App',
  device_display_name: 'Phone',
  lang: 'en',
  data: { url },
  ...extra,
})

export const setPusher = (client: TestClient, body: Body): Promise<Json> => client.post('/v3/pushers/set', body)

export const pushersOf = async (client: TestClient): Promise<readonly Json[]> =>
  (await client.get('/v3/pushers')).pushers
