import { request as requestTls } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { nodeHttp } from '#base'
import { boundedText } from './bounded-answer.ts'

export interface Reached {
  readonly status: number
  /** By names in small letters. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
  /** The last moment at which the certificate is valid, in milliseconds since 1970; undefined without TLS. */
  readonly certificateEndsMs: number | undefined
}

const MAX_BYTES = 65_536

/**
 * Asks for a URL that the operator set, exactly as it is written: for checks of how the server looks from outside. Redirects are answers. Throws what
 * Node says of the network and of certificates.
 */
export const reach = (url: string, signal: AbortSignal): Promise<Reached> =>
  new Promise((resolve, reject) => {
    const isTls = url.startsWith('https:')
    const request = isTls ? requestTls : nodeHttp.request
    const sent = request(url, { agent: false, signal }, (response) => {
      const ends = isTls ? (response.socket as TLSSocket).getPeerCertificate().valid_to : undefined
      boundedText(response, MAX_BYTES).then((text) => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          certificateEndsMs: ends === undefined ? undefined : Date.parse(ends),
        })
      }, reject)
    })
    sent.on('error', reject)
    sent.end()
  })
