import type { IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { SigningKey } from '#rules'
import type { JsonValue } from '#spec'
import { TEST_AUTHORITY } from '../certificate.ts'
import type { Json } from '../client.ts'
import { checkResponse } from '../openapi.ts'
import { authorizationOf } from './x-matrix.ts'

export interface Outgoing {
  readonly method?: string
  /** Path and query, encoded. */
  readonly uri: string
  /** A string is sent as it is, and signed as the JSON it holds, if any. */
  readonly body?: JsonValue | undefined
  /** Instead of the right header; null for none. */
  readonly authorization?: string | null
  /** Instead of its own, to sign in others' names. */
  readonly origin?: string
  readonly key?: SigningKey
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

export interface PeerAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** undefined where the text is no JSON. */
  readonly body: Json
}

interface Exchange {
  readonly method: string
  readonly uri: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string | undefined
  readonly timeoutMs: number
}

/** Requests of a peer to the homeservers that it knows the addresses of. */
export class PeerRequests {
  readonly #name: string
  readonly #key: SigningKey
  readonly #addresses = new Map<string, string>()
  readonly #agent = new Agent({ keepAlive: true, ca: TEST_AUTHORITY })

  constructor(name: string, key: SigningKey) {
    this.#name = name
    this.#key = key
  }

  knows(serverName: string, address: string): void {
    this.#addresses.set(serverName, address)
  }

  isKnown(serverName: string): boolean {
    return this.#addresses.has(serverName)
  }

  close(): void {
    this.#agent.destroy()
  }

  /** A signed request; each part of it can be wrong. Throws only where no answer came. */
  async send(destination: string, outgoing: Outgoing): Promise<PeerAnswer> {
    const { method = 'GET', uri, body, key = this.#key, origin = this.#name } = outgoing
    const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body)
    const content = text === undefined ? undefined : jsonOf(text)
    const authorization =
      outgoing.authorization === undefined
        ? authorizationOf({ method, uri, origin, destination, content }, key)
        : outgoing.authorization
    const headers: Record<string, string> = {
      host: destination,
      ...(authorization === null ? {} : { authorization }),
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': `${Buffer.byteLength(text)}` }),
      ...outgoing.headers,
    }
    const answer = await this.#exchange(destination, {
      ...{ method, uri, headers, text },
      timeoutMs: outgoing.timeoutMs ?? 60_000,
    })
    const violations = answer.body === undefined ? [] : checkResponse(method, uri, answer.status, answer.body)
    if (violations.length > 0)
      throw new Error(
        `the response contradicts the specification:\n${violations.join('\n')}\n${answer.text.slice(0, 2000)}`,
      )
    return answer
  }

  #exchange(destination: string, { method, uri, headers, text, timeoutMs }: Exchange): Promise<PeerAnswer> {
    const address = this.#addresses.get(destination)
    if (address === undefined) throw new Error(`${this.#name} does not know where ${destination} is`)
    const colon = address.lastIndexOf(':')
    const servername = destination.replace(/:\d+$/, '')
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(
        {
          agent: this.#agent,
          host: address.slice(0, colon),
          port: Number(address.slice(colon + 1)),
          method,
          path: uri,
          headers,
          servername: /^[\d.]+$/.test(servername) ? '' : servername,
          timeout: timeoutMs,
        },
        (response) => {
          readAll(response).then((answered) => {
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: answered,
              body: jsonOf(answered),
            })
          }, reject)
        },
      )
      outgoing.once('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)))
      outgoing.once('error', reject)
      outgoing.end(text)
    })
  }
}

export const readAll = async (stream: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

export const jsonOf = (text: string): Json => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
