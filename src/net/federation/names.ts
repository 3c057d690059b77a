import type { LookupAddress, SrvRecord } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { BoundedCache, BoundedWork, type Clock } from '#base'
import { type AddressRule, PrivateAddress } from '../private-addresses.ts'

export interface FederationNamesParts {
  readonly clock: Clock
  /** Written as `1.1.1.1` or `[::1]:53`; empty: those of the machine. */
  readonly dnsServers: readonly string[]
  /** Addresses by name in small letters, from a hosts file: nobody is asked for these. */
  readonly hosts: ReadonlyMap<string, readonly LookupAddress[]>
  readonly addresses: AddressRule
}

/** Nobody answered for a name, or nobody could: it may be there all the same. */
export class NameNotAnswered extends Error {
  override readonly name = 'NameNotAnswered'
}

/** There is no such name, or it has nothing of the kind. */
export class NameUnknown extends Error {
  override readonly name = 'NameUnknown'
  readonly code = 'ENOTFOUND'
}

/** The second try waits twice as long. */
const TIMEOUT_MS = 2_000
const TRIES = 2
const LOOKUPS = { concurrency: 64, maxWaiting: 5_000 }
const CACHE_BYTES = 4 * 1024 * 1024
const SHORTEST_MS = 30_000
const LONGEST_MS = 3_600_000
/** Node tells no TTL of SRV records, nor of what is not there. */
const SRV_MS = 300_000
const UNKNOWN_MS = 60_000
const UNANSWERED_MS = 10_000
/** More are not tried; a hostile zone could have hundreds. */
const MAX_RECORDS = 16

type Found<Value> = { readonly value: Value; readonly ttlMs: number }
interface Kept {
  readonly value: unknown
  readonly failure: Error | undefined
  readonly untilMs: number
}

/**
 * Names of other servers, asked of DNS servers without holding a thread, and kept for as long as they say. One question for a name at a time, and not too many in
 * all; where no server answers, questions fail at once for a while.
 */
export class FederationNames {
  readonly #parts: FederationNamesParts
  readonly #resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  readonly #kept = new BoundedCache<string, Kept>({
    name: 'federation-names',
    limitBytes: CACHE_BYTES,
    sizeBytes: ({ value }) => 200 + (Array.isArray(value) ? value.length * 250 : 0),
  })
  readonly #asked = new Map<string, Promise<unknown>>()
  readonly #lookups = new BoundedWork(LOOKUPS)

  constructor(parts: FederationNamesParts) {
    this.#parts = parts
    if (parts.dnsServers.length > 0) this.#resolver.setServers(parts.dnsServers)
  }

  get cache() {
    return this.#kept
  }

  /** All addresses of a name, those of IPv6 first. Throws `NameUnknown`, `NameNotAnswered`. */
  async addressesOf(host: string): Promise<readonly LookupAddress[]> {
    const name = host.toLowerCase().replace(/\.$/, '')
    const written = this.#parts.hosts.get(name)
    if (written !== undefined) return written
    return this.#keptOr(`A ${name}`, () => this.#askAddresses(name))
  }

  /** SRV records in the order to try: by priority, and by chance as their weights say. Empty where there are none. Throws `NameNotAnswered`. */
  async servicesOf(name: string, chance: () => number): Promise<readonly SrvRecord[]> {
    const records = await this.#keptOr<readonly SrvRecord[]>(`SRV ${name.toLowerCase()}`, () => this.#askServices(name))
    return inOrder(records, chance)
  }

  /** Forgets what is known of a name, so that it is asked for anew. */
  forget(host: string): void {
    const name = host.toLowerCase().replace(/\.$/, '')
    for (const kind of ['A ', 'SRV _matrix-fed._tcp.', 'SRV _matrix._tcp.']) this.#kept.delete(`${kind}${name}`)
  }

  /** For connections: resolves a name and leaves the allowed addresses of it. Fails with `PrivateAddress` where none is left. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    const answer = (all: readonly LookupAddress[]): void => {
      const allowed = all.filter(({ address }) => this.#parts.addresses.allows(address))
      const [first] = allowed
      if (first === undefined) callback(new PrivateAddress(`${hostname} leads to a private address`), [])
      else if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    }
    this.addressesOf(hostname).then(answer, (error: NodeJS.ErrnoException) => callback(error, []))
  }

  async #keptOr<Value>(key: string, ask: () => Promise<Found<Value>>): Promise<Value> {
    const { clock } = this.#parts
    const kept = this.#kept.get(key)
    if (kept !== undefined && kept.untilMs > clock.monotonicMs()) {
      if (kept.failure !== undefined) throw kept.failure
      // Only this kind of question writes under this key.
      return kept.value as Value
    }
    const asked = this.#asked.get(key) ?? this.#ask(key, ask).finally(() => this.#asked.delete(key))
    this.#asked.set(key, asked)
    return asked as Promise<Value>
  }

  async #ask<Value>(key: string, ask: () => Promise<Found<Value>>): Promise<Value> {
    const { clock } = this.#parts
    try {
      const { value, ttlMs } = await this.#lookups.run(ask)
      this.#kept.set(key, { value, failure: undefined, untilMs: clock.monotonicMs() + ttlMs })
      return value
    } catch (thrown) {
      const failure = thrown instanceof Error ? thrown : new Error(String(thrown))
      const forMs = failure instanceof NameUnknown ? UNKNOWN_MS : UNANSWERED_MS
      this.#kept.set(key, { value: undefined, failure, untilMs: clock.monotonicMs() + forMs })
      throw failure
    }
  }

  async #askAddresses(name: string): Promise<Found<readonly LookupAddress[]>> {
    const special = specialName(name)
    if (special !== undefined) return { value: special, ttlMs: LONGEST_MS }
    const [six, four] = await Promise.allSettled([
      this.#resolver.resolve6(name, { ttl: true }),
      this.#resolver.resolve4(name, { ttl: true }),
    ])
    const found = [...recordsOf(six, 6), ...recordsOf(four, 4)]
    if (found.length > 0) {
      const ttlMs = Math.min(...found.map(({ ttl }) => ttl)) * 1_000
      const value = found.slice(0, MAX_RECORDS).map(({ address, family }) => ({ address, family }))
      return { value, ttlMs: Math.min(Math.max(ttlMs, SHORTEST_MS), LONGEST_MS) }
    }
    // One kind may be unknown while nobody answered for the other.
    const failures = [six, four].map((one) => (one.status === 'rejected' ? one.reason : undefined))
    throw failureOf(name, failures.find((one) => one !== undefined && !isUnknown(one)) ?? failures[0])
  }

  async #askServices(name: string): Promise<Found<readonly SrvRecord[]>> {
    try {
      return { value: (await this.#resolver.resolveSrv(name)).slice(0, MAX_RECORDS), ttlMs: SRV_MS }
    } catch (error) {
      if (isUnknown(error)) return { value: [], ttlMs: UNKNOWN_MS }
      throw failureOf(name, error)
    }
  }
}

const recordsOf = (
  found: PromiseSettledResult<readonly { readonly address: string; readonly ttl: number }[]>,
  family: 4 | 6,
): readonly { readonly address: string; readonly ttl: number; readonly family: 4 | 6 }[] =>
  found.status === 'rejected' ? [] : found.value.map(({ address, ttl }) => ({ address, ttl, family }))

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')

/** `EBADNAME`, `EBADQUERY`: it cannot be a name. */
const isUnknown = (error: unknown): boolean => ['ENOTFOUND', 'ENODATA', 'EBADNAME', 'EBADQUERY'].includes(codeOf(error))

const failureOf = (name: string, cause: unknown): Error =>
  cause === undefined || isUnknown(cause)
    ? new NameUnknown(`the name ${name} is not known`, { cause })
    : new NameNotAnswered(`no name server answered for ${name} (${codeOf(cause)})`, { cause })

/** The names that no DNS server may be asked for (RFC 6761). */
const specialName = (name: string): readonly LookupAddress[] | undefined => {
  const last = name.slice(name.lastIndexOf('.') + 1)
  if (last === 'invalid') throw new NameUnknown(`${name} is no name`)
  if (last !== 'localhost') return undefined
  return [
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ]
}

/** RFC 2782: lower priorities first; among equals, by chance with the weights as odds. */
const inOrder = (records: readonly SrvRecord[], chance: () => number): readonly SrvRecord[] => {
  const left = [...records].sort((one, other) => one.priority - other.priority || one.weight - other.weight)
  const ordered: SrvRecord[] = []
  while (left.length > 0) {
    const equals = left.filter(({ priority }) => priority === left[0]?.priority)
    const total = equals.reduce((sum, { weight }) => sum + weight, 0)
    const at = chance() * total
    const chosen = equals.find((_, index) => weightUpTo(equals, index) >= at) ?? equals[0]
    if (chosen === undefined) break
    ordered.push(chosen)
    left.splice(left.indexOf(chosen), 1)
  }
  return ordered
}

const weightUpTo = (records: readonly SrvRecord[], index: number): number =>
  records.slice(0, index + 1).reduce((sum, { weight }) => sum + weight, 0)

/** Reads a hosts file: an address, then its names; `#` begins a comment. Lines that are neither are skipped, as other programs do. */
export const parseHosts = (text: string): ReadonlyMap<string, readonly LookupAddress[]> => {
  const hosts = new Map<string, LookupAddress[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/)
    const family = isIP(address)
    if (family === 0) continue
    for (const name of names) {
      const listed = hosts.get(name.toLowerCase()) ?? []
      listed.push({ address, family })
      hosts.set(name.toLowerCase(), listed)
    }
  }
  return hosts
}
