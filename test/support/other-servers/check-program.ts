import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Json } from '../client.ts'

export const HOOK_SECRET = 'shared secret of the test'

/** A program of the operator, on loopback, that is asked what people may do. It checks the signatures of what it is asked. */
export class CheckProgram {
  readonly #server: Server
  readonly asked: Json[] = []
  /** The answer to each deed. */
  verdict: (question: Json) => unknown = () => ({ action: 'allow' })
  status = 200
  wrongSignatures = 0

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8')
        const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(request.headers['x-homeroom-signature'])) ?? []
        if (createHmac('sha256', HOOK_SECRET).update(`${time}.${body}`).digest('hex') !== mac) this.wrongSignatures += 1
        const question = JSON.parse(body) as Json
        this.asked.push(question)
        response.statusCode = this.status
        response.setHeader('content-type', 'application/json').end(JSON.stringify(this.verdict(question)))
      })
    })
  }

  static async start(): Promise<CheckProgram> {
    const server = createServer()
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    return new CheckProgram(server)
  }

  /** Settings of a homeserver that asks it about these deeds. */
  settings(deeds: readonly string[], more: Readonly<Record<string, unknown>> = {}) {
    const { port } = this.#server.address() as AddressInfo
    return { abuse: { hookUrl: `http://127.0.0.1:${port}/check`, hookSecret: HOOK_SECRET, hookDeeds: deeds, ...more } }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((closed) => this.#server.close(closed))
  }
}
