import type { IncomingMessage } from 'node:http'
import proxyAddr from '@fastify/proxy-addr'

/** The address a request comes from; of a client that is gone already it may be empty. */
export type ClientAddress = (request: IncomingMessage) => string

/**
 * `trustProxy`: whose `X-Forwarded-For` is believed: nobody's, everybody's, or that of these addresses and networks. The address is that of
 * the first hop, seen from here, which is not trusted. Throws for what is neither an address nor a network.
 */
export const clientAddress = (trustProxy: boolean | readonly string[]): ClientAddress => {
  if (trustProxy === false) return (request) => request.socket.remoteAddress ?? ''
  const trusted = trustProxy === true ? () => true : proxyAddr.compile([...trustProxy])
  return (request) => proxyAddr(request, trusted) ?? ''
}
