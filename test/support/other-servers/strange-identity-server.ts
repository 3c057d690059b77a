import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** How it answers a request; without answering at all it hangs. */
export type Mood = (response: ServerResponse, request: SeenRequest) => void

export const answering =
  (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Mood =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  }

/** What calls itself an identity server, and is told by the test how to answer. */
export class StrangeIdentityServer {
  readonly seen: SeenRequest[] = []
  mood: Mood = () => {}
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url: path = '', headers } = request
        const seen = { method, path, headers, body: Buffer.concat(chunks).toString('utf8') }
        this.seen.push(seen)
        this.mood(response, seen)
      })
    })
  }

  static async start(): Promise<StrangeIdentityServer> {
    const strange = new StrangeIdentityServer()
    await new Promise<void>((ready) => strange.#server.listen(0, '127.0.0.1', ready))
    return strange
  }

  /** As clients name it in `id_server`. */
  get name(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get url(): string {
    return `http://${this.name}`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((closed) => this.#server.close(closed))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
