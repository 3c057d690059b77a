import { lookup } from 'node:dns'
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net'

/** Special-purpose address registries (RFC 6890 and what came after): loopback, private, link-local, shared, multicast, reserved. */
const PRIVATE_NETWORKS = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const
/** Beside the local ones those that carry an IPv4 address inside (NAT64, 6to4, Teredo): it could be any of the above. */
const PRIVATE_NETWORKS_6 = [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const

const privateAddresses = new BlockList()
for (const [network, prefix] of PRIVATE_NETWORKS) privateAddresses.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of PRIVATE_NETWORKS_6) privateAddresses.addSubnet(network, prefix, 'ipv6')

/** Whether an address may belong to the operator's own network or to this machine. True for what is no address. */
export const isPrivateAddress = (address: string): boolean => {
  if (isIP(address) === 0) return true
  // An IPv4 address in IPv6 form (`::ffff:10.0.0.1`) is held against the IPv4 networks.
  return privateAddresses.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

/** Whether the host of a URL is written as such an address. A name is not: it is checked once it is resolved. */
export const isPrivateHost = (hostname: string): boolean => {
  const address = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return isIP(address) !== 0 && isPrivateAddress(address)
}

/** A connection would have led to a private address. */
export class PrivateAddress extends Error {
  override readonly name = 'PrivateAddress'
}

/** For `http.request`: resolves a name, and fails where any of its addresses is private. Addresses as such do not come here. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, [])
    const [first] = addresses
    if (first === undefined || addresses.some(({ address }) => isPrivateAddress(address)))
      return callback(new PrivateAddress(`${hostname} leads to a private address`), [])
    if (options.all === true) callback(null, addresses)
    else callback(null, first.address, first.family)
  })
}
