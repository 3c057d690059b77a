import type { IncomingMessage } from 'node:http'
import proxyAddr from '@fastify/proxy-addr'

/** The address a request comes from; of a client that is gone already it may be empty. */
export type ClientAddress = (request: IncomingMessage) => string

/**
 * `trustProxy`: the proxies whose `X-Forwarded-For` counts: none, all, or those at these addresses and networks. The client is the nearest hop
 * that is not trusted. Throws for a text that is neither an address nor a network.
 */
export const clientAddress = (trustProxy: boolean | readonly string[]): ClientAddress => {
  if (trustProxy === false) return (request) => request.socket.remoteAddress ?? ''
  const trusted = trustProxy === true ? () => true : proxyAddr.compile([...trustProxy])
  return (request) => proxyAddr(request, trusted) ?? ''
}
