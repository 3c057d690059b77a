import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Json } from '../../support/client.ts'

export interface AskedOfService {
  readonly method: string
  /** With query. */
  readonly path: string
  readonly authorization: string | undefined
  readonly body: Json
  readonly text: string
}

/** An answer; `never`: the service hangs. */
export type ServiceAnswer = { readonly status: number; readonly body?: unknown } | 'never'

/** An application service over raw HTTP. It takes every transaction unless `answer` says otherwise. */
export class ServiceHouse implements AsyncDisposable {
  readonly asked: AskedOfService[] = []
  answer: (asked: AskedOfService) => ServiceAnswer = () => ({ status: 200 })
  /** Done before the next answer. */
  later: (() => Promise<void>) | undefined
  readonly #server: Server
  readonly #waiting: (() => void)[] = []

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        const { method = '', url = '', headers } = request
        const body: Json = text === '' ? undefined : JSON.parse(text)
        const asked = { method, path: url, authorization: headers.authorization, body, text }
        const answer = this.answer(asked)
        this.asked.push(asked)
        const end = (): void => {
          if (answer === 'never') return
          response.writeHead(answer.status, { 'content-type': 'application/json' })
          response.end(JSON.stringify(answer.body ?? {}))
        }
        if (this.later === undefined) end()
        else void this.later().then(end)
        for (const look of this.#waiting.splice(0)) look()
      })
    })
  }

  async listen(port = 0): Promise<void> {
    await new Promise<void>((ready) => this.#server.listen(port, '127.0.0.1', ready))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** The transactions so far, each repetition counted. */
  get transactions(): readonly AskedOfService[] {
    return this.asked.filter(({ path }) => path.includes('/transactions/'))
  }

  /** All events of the transactions so far, in order. */
  get events(): readonly Json[] {
    return this.transactions.flatMap(({ body }) => body.events)
  }

  /** Waits until what was asked is enough. */
  async until(enough: (house: this) => boolean): Promise<void> {
    while (!enough(this)) await new Promise<void>((look) => this.#waiting.push(look))
  }

  /** Waits for a message with that text. */
  untilMessage(text: string): Promise<void> {
    return this.until(({ events }) => events.some(({ content }) => content.body === text))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((closed) => this.#server.close(() => closed()))
  }
}

export const openHouse = async (): Promise<ServiceHouse> => {
  const house = new ServiceHouse()
  await house.listen()
  return house
}
