import { type LookupAddress, lookup } from 'node:dns'
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net'

/** Special-purpose address registries (RFC 6890 and what came after): loopback, private, link-local, shared, multicast, reserved. */
const PRIVATE_NETWORKS = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]
/**
 * Only 2000::/3 has public addresses. Outside it are loopback, local and multicast addresses, and those that contain an IPv4
 * address (mapped, compatible, translated, NAT64), which could be any of the above; inside it are Teredo, 6to4 and documentation.
 */
const PRIVATE_NETWORKS_6 = ['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const blockListOf = (networks: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    list.addSubnet(address, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family)
  }
  return list
}

const holds = (list: BlockList, address: string): boolean => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

/** The two families are kept apart: Node's `BlockList` checks an IPv4 address against IPv6 networks too, as if it were mapped. */
const privateAddresses = blockListOf(PRIVATE_NETWORKS)
const privateAddresses6 = blockListOf(PRIVATE_NETWORKS_6)

/** Whether an address may belong to the operator's own network or to this machine. True for a text that is no address. */
export const isPrivateAddress = (address: string): boolean =>
  isIP(address) === 0 || holds(isIPv6(address) ? privateAddresses6 : privateAddresses, address)

/** The host of a URL, without the brackets around an IPv6 address. */
export const hostAddress = (hostname: string): string => (hostname.startsWith('[') ? hostname.slice(1, -1) : hostname)

/** Whether the host of a URL is written as such an address. Names are checked after they are resolved. */
export const isPrivateHost = (hostname: string): boolean => {
  const address = hostAddress(hostname)
  return isIP(address) !== 0 && isPrivateAddress(address)
}

/** The address of a connection is refused. */
export class PrivateAddress extends Error {
  override readonly name = 'PrivateAddress'
}

export interface AddressRule {
  allows(address: string): boolean
}

/** Public addresses and those allowed, without those refused. Networks as `10.0.0.0/8` or single addresses; throws for what is neither. */
export const addressRule = (allowed: readonly string[], refused: readonly string[]): AddressRule => {
  const [allowList, refuseList] = [blockListOf(allowed), blockListOf(refused)]
  return {
    allows: (address) => {
      if (isIP(address) === 0 || holds(refuseList, address)) return false
      return !isPrivateAddress(address) || holds(allowList, address)
    },
  }
}

export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

/** Resolves as other programs of the machine do, with the hosts file. It takes one of Node's few threads for as long as the DNS takes. */
const resolveAsUsual: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    lookup(hostname, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)))
  })

/**
 * A `lookup` for `http.request`: resolves a name once, and fails if any of its addresses is refused; the connection is made to the returned
 * address. Hosts that are written as addresses are not looked up.
 */
export const checkedLookup =
  (rule: AddressRule, resolve: Resolve = resolveAsUsual): LookupFunction =>
  (hostname, options, callback) => {
    const answer = (addresses: readonly LookupAddress[]): void => {
      const [first] = addresses
      if (first === undefined || addresses.some(({ address }) => !rule.allows(address)))
        callback(new PrivateAddress(`${hostname} leads to a private address`), [])
      else if (options.all === true) callback(null, [...addresses])
      else callback(null, first.address, first.family)
    }
    resolve(hostname).then(answer, (error: NodeJS.ErrnoException) => callback(error, []))
  }

export const publicLookup: LookupFunction = checkedLookup(addressRule([], []))
