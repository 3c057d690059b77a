import type { LookupAddress } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import type { Resolve } from './private-addresses.ts'

const TIMEOUT_MS = 3_000
const TRIES = 2

/**
 * Asks DNS servers only, without holding a thread, so that a host whose servers never answer delays nobody else. Neither the hosts file
 * nor search domains count. `servers` are written as `1.1.1.1` or `[::1]:53`; none means those of the machine.
 */
export const dnsLookup = (servers: readonly string[]): Resolve => {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  if (servers.length > 0) resolver.setServers(servers)
  return async (hostname) => {
    const special = specialName(hostname)
    if (special !== undefined) return special
    const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
    if (four.status === 'rejected' && six.status === 'rejected') throw four.reason
    return [...addressesOf(six, 6), ...addressesOf(four, 4)]
  }
}

const addressesOf = (found: PromiseSettledResult<string[]>, family: 4 | 6): readonly LookupAddress[] =>
  found.status === 'rejected' ? [] : found.value.map((address) => ({ address, family }))

/** The names that no DNS server may be asked for (RFC 6761). */
const specialName = (hostname: string): readonly LookupAddress[] | undefined => {
  const [, name] = /(?:^|\.)(localhost|invalid)\.?$/i.exec(hostname) ?? []
  if (name === undefined) return undefined
  if (name.toLowerCase() === 'invalid') throw Object.assign(new Error(`${hostname} is no name`), { code: 'ENOTFOUND' })
  return [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ]
}
