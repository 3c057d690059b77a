import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { Agent, createServer, request as httpsRequest, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Dice } from '../../crash/dice.ts'
import { FEDERATION_CERTIFICATE, FEDERATION_KEY, TEST_AUTHORITY } from '../../support/certificate.ts'

interface Forwarded {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** Counts of what was done to requests, for tests that want to see that something was. */
export interface FaultCounts {
  passed: number
  refused: number
  answersLost: number
  doubled: number
  delayed: number
  replaced: number
  overtaken: number
}

const LATE_MS = 400
/** Longer than a sender waits before it tries again. */
const OVERTAKEN_MS = 2_500

/**
 * The links between homeservers of a test, one for each direction. Each ends TLS itself (the certificate of the tests is for all names), so it
 * works on whole requests: cuts them off, loses their answers, delivers them twice, late or after those that were sent later, answers in the server's place.
 */
export class FaultyLinks {
  readonly counts: FaultCounts = {
    passed: 0,
    refused: 0,
    answersLost: 0,
    doubled: 0,
    delayed: 0,
    replaced: 0,
    overtaken: 0,
  }
  readonly #dice: Dice
  readonly #links = new Map<string, Link>()
  readonly #agent = new Agent({ keepAlive: true, ca: TEST_AUTHORITY })
  /** Part of requests to which something happens, from 0 to 1. */
  rate = 0

  private constructor(dice: Dice) {
    this.#dice = dice
  }

  static async between(names: readonly string[], dice: Dice): Promise<FaultyLinks> {
    const links = new FaultyLinks(dice)
    for (const from of names)
      for (const to of names)
        if (from !== to)
          links.#links.set(`${from} ${to}`, await Link.start((link, ...args) => links.#serve(link, ...args), to))
    return links
  }

  /** For `startFederation`. */
  readonly route = (from: string, to: string, address: string): string => {
    const link = this.#links.get(`${from} ${to}`)
    if (link === undefined) return address
    link.target = address
    return link.address
  }

  /** From now on nothing goes from one to the other, until it is allowed again. */
  cut(from: string, to: string): void {
    const link = this.#links.get(`${from} ${to}`)
    if (link !== undefined) link.isCut = true
    link?.cutConnections()
  }

  mend(from: string, to: string): void {
    const link = this.#links.get(`${from} ${to}`)
    if (link !== undefined) link.isCut = false
  }

  /** Everything goes through, at once. */
  heal(): void {
    this.rate = 0
    for (const link of this.#links.values()) link.isCut = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy()
    await Promise.all([...this.#links.values()].map((link) => link.close()))
  }

  async #serve(link: Link, request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    const dice = this.#dice
    if (link.isCut) return this.#refuse(response)
    if (!dice.chance(this.rate)) {
      this.counts.passed++
      return answer(response, await this.#forward(link, request, body))
    }
    switch (dice.between(0, 5)) {
      case 0:
        return this.#refuse(response)
      case 1:
        this.counts.answersLost++
        await this.#forward(link, request, body)
        response.destroy()
        return
      case 2:
        this.counts.doubled++
        await Promise.all([this.#forward(link, request, body), this.#forward(link, request, body)])
        return answer(response, await this.#forward(link, request, body))
      case 3:
        this.counts.delayed++
        await late(dice.between(20, LATE_MS))
        return answer(response, await this.#forward(link, request, body))
      case 4:
        // Whoever sent it has no answer and tries again, so this one comes after others.
        this.counts.overtaken++
        response.destroy()
        await late(dice.between(LATE_MS, OVERTAKEN_MS))
        await this.#forward(link, request, body)
        return
      default:
        this.counts.replaced++
        return answer(response, {
          status: 502,
          headers: { 'content-type': 'text/html' },
          body: Buffer.from('<h1>Bad gateway'),
        })
    }
  }

  #refuse(response: ServerResponse): void {
    this.counts.refused++
    response.destroy()
  }

  #forward(link: Link, { method, url, headers }: IncomingMessage, body: Buffer): Promise<Forwarded> {
    const colon = link.target.lastIndexOf(':')
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(
        {
          agent: this.#agent,
          host: link.target.slice(0, colon),
          port: Number(link.target.slice(colon + 1)),
          servername: link.serverName,
          ...(method === undefined ? {} : { method }),
          path: url ?? '/',
          headers: { ...headers, connection: 'keep-alive' },
        },
        (incoming) => {
          readAll(incoming).then(
            (answered) => resolve({ status: incoming.statusCode ?? 502, headers: incoming.headers, body: answered }),
            reject,
          )
        },
      )
      outgoing.once('error', reject)
      outgoing.end(body)
    })
  }
}

type Serve = (link: Link, request: IncomingMessage, response: ServerResponse, body: Buffer) => Promise<void>

class Link {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly serverName: string
  /** Where the other server really is. */
  target = ''
  isCut = false

  private constructor(serve: Serve, serverName: string) {
    this.serverName = serverName
    this.#server = createServer({ cert: FEDERATION_CERTIFICATE, key: FEDERATION_KEY }, (request, response) => {
      // A server that is stopped or was cut off: whoever asked sees the same.
      readAll(request)
        .then((body) => serve(this, request, response, body))
        .catch(() => response.destroy())
    })
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  static async start(serve: Serve, serverName: string): Promise<Link> {
    const link = new Link(serve, serverName)
    link.#server.listen(0, '127.0.0.1')
    await once(link.#server, 'listening')
    return link
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cutConnections()
    await closed
  }
}

const answer = (response: ServerResponse, { status, headers, body }: Forwarded): void => {
  const { 'transfer-encoding': _, connection: __, ...kept } = headers
  response.writeHead(status, { ...kept, 'content-length': `${body.length}` })
  response.end(body)
}

const readAll = async (stream: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export const late = (timeMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, timeMs)
  })
