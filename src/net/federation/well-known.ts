import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { SecureContext } from 'node:tls'
import { BoundedCache, BoundedWork, type Clock, failureWords, growingPause } from '#base'
import { parseJson } from '#rules'
import { isJsonObject, parseServerName, type ServerName, stringAt } from '#spec'
import { boundedBytes } from '../bounded-answer.ts'
import { type AddressRule, hostAddress, PrivateAddress } from '../private-addresses.ts'

export interface WellKnownParts {
  readonly clock: Clock
  /** From 0 up to, but not, 1. */
  readonly chance: () => number
  readonly addresses: AddressRule
  readonly lookup: LookupFunction
  /** undefined: the authorities that Node knows. */
  readonly secureContext: SecureContext | undefined
  /** 443, but in tests. */
  readonly port: number
}

/** The answer of a host about where its server is. */
export interface Delegation {
  /** undefined: nothing that counts. */
  readonly to: ServerName | undefined
  /** In words, for people. */
  readonly reason: string
}

interface Kept {
  readonly delegation: Delegation
  readonly askedMs: number
  /** From then on it is fetched anew when somebody asks. */
  readonly nextMs: number
  /** Until then the old one is given out meanwhile. */
  readonly untilMs: number
  /** Failures in a row. */
  readonly failures: number
}

type Answer =
  | { readonly kind: 'good'; readonly to: ServerName; readonly forMs: number }
  /** The host answered something that does not count. */
  | { readonly kind: 'invalid'; readonly reason: string }
  /** No answer, or that of a server in trouble. */
  | { readonly kind: 'down'; readonly reason: string }

const TIMEOUT_MS = 10_000
const MAX_BYTES = 50 * 1024
const MAX_REDIRECTS = 5
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DEFAULT_MS = 24 * HOUR_MS
const LEAST_MS = 5 * MINUTE_MS
const MOST_MS = 48 * HOUR_MS
const INVALID_MS = HOUR_MS
const DOWN_PAUSES = { firstMs: 2 * MINUTE_MS, longestMs: INVALID_MS }
/** A host that was well so recently keeps its delegation while it is down. */
const TRUSTED_AFTER_MS = 2 * HOUR_MS
/** The last part of its time in which it is fetched anew, while the old one counts. */
const GRACE = 0.2
const JITTER = 0.1
const CACHE_BYTES = 4 * 1024 * 1024
const FETCHES = { concurrency: 32, maxWaiting: 5_000 }

/** `https://HOST/.well-known/matrix/server` of other servers, kept for as long as they say. */
export class WellKnown {
  readonly #parts: WellKnownParts
  readonly #kept = new BoundedCache<string, Kept>({
    name: 'federation-well-known',
    limitBytes: CACHE_BYTES,
    sizeBytes: ({ delegation }) => 200 + (delegation.to?.length ?? 0) + delegation.reason.length * 2,
  })
  readonly #underWay = new Map<string, Promise<Kept>>()
  readonly #fetches = new BoundedWork(FETCHES)

  constructor(parts: WellKnownParts) {
    this.#parts = parts
  }

  get cache() {
    return this.#kept
  }

  /** Never throws: a host that cannot be asked delegates to nobody. */
  async delegationOf(host: string): Promise<Delegation> {
    const name = host.toLowerCase()
    const kept = this.#kept.get(name)
    const nowMs = this.#parts.clock.monotonicMs()
    if (kept === undefined || nowMs >= Math.max(kept.nextMs, kept.untilMs))
      return (await this.#fetched(name, kept)).delegation
    if (nowMs >= kept.nextMs) void this.#fetched(name, kept)
    return kept.delegation
  }

  /** The place that it led to does not answer: it may lead elsewhere now. */
  forget(host: string): void {
    const name = host.toLowerCase()
    const kept = this.#kept.get(name)
    const nowMs = this.#parts.clock.monotonicMs()
    if (kept !== undefined && nowMs - kept.askedMs >= LEAST_MS) this.#kept.set(name, { ...kept, nextMs: nowMs })
  }

  #fetched(name: string, before: Kept | undefined): Promise<Kept> {
    const underWay = this.#underWay.get(name)
    if (underWay !== undefined) return underWay
    const fetching = this.#fetch(name, before).finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, fetching)
    return fetching
  }

  async #fetch(name: string, before: Kept | undefined): Promise<Kept> {
    const answer = await this.#asked(name)
    const kept = this.#keep(answer, before)
    this.#kept.set(name, kept)
    return kept
  }

  #keep(answer: Answer, before: Kept | undefined): Kept {
    const { clock, chance } = this.#parts
    const nowMs = clock.monotonicMs()
    const spread = (forMs: number): number => forMs * (1 + JITTER * (2 * chance() - 1))
    if (answer.kind === 'good') {
      const forMs = spread(answer.forMs)
      const delegation = { to: answer.to, reason: `it says ${answer.to}` }
      return { delegation, askedMs: nowMs, nextMs: nowMs + forMs * (1 - GRACE), untilMs: nowMs + forMs, failures: 0 }
    }
    const failures = (before?.failures ?? 0) + 1
    const isDown = answer.kind === 'down'
    const nextMs = nowMs + spread(isDown ? growingPause(failures, DOWN_PAUSES) : INVALID_MS)
    if (isDown && before?.delegation.to !== undefined && nowMs < before.untilMs + TRUSTED_AFTER_MS)
      return { ...before, askedMs: nowMs, nextMs, failures }
    return { delegation: { to: undefined, reason: answer.reason }, askedMs: nowMs, nextMs, untilMs: nextMs, failures }
  }

  async #asked(name: string): Promise<Answer> {
    const late = new AbortController()
    const cancel = this.#parts.clock.after(TIMEOUT_MS, () => late.abort())
    try {
      return await this.#fetches.run(() => this.#follow(name, late.signal))
    } catch (error) {
      const reason = late.signal.aborted ? 'no answer in time' : failureWords(error)
      return error instanceof PrivateAddress || error instanceof BadRedirect
        ? { kind: 'invalid', reason }
        : { kind: 'down', reason }
    } finally {
      cancel()
    }
  }

  async #follow(name: string, signal: AbortSignal): Promise<Answer> {
    const port = this.#parts.port === 443 ? '' : `:${this.#parts.port}`
    let url = new URL(`https://${name}${port}/.well-known/matrix/server`)
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await this.#get(url, signal)
      try {
        const { statusCode = 0, headers } = response
        if (!REDIRECTS.has(statusCode)) return await answerIn(response)
        const next = URL.parse(headers.location ?? '', url)
        if (next?.protocol !== 'https:') throw new BadRedirect('it leads to what is no https URL')
        url = next
      } finally {
        response.destroy()
      }
    }
    throw new BadRedirect(`it leads on more than ${MAX_REDIRECTS} times`)
  }

  #get(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
    const { addresses, lookup, secureContext } = this.#parts
    const address = hostAddress(url.hostname)
    if (isIP(address) !== 0 && !addresses.allows(address)) throw new PrivateAddress(`${address} is a private address`)
    return new Promise((resolve, reject) => {
      const request = requestHttps(url, {
        agent: false,
        lookup,
        signal,
        maxHeaderSize: 16 * 1024,
        headers: { accept: 'application/json' },
        ...(secureContext === undefined ? {} : { secureContext }),
      })
      request.on('response', (response) => {
        // An error that nobody listens to would end the process.
        response.on('error', () => {})
        resolve(response)
      })
      request.on('error', reject)
      request.end()
    })
  }
}

class BadRedirect extends Error {
  override readonly name = 'BadRedirect'
}

const answerIn = async (response: IncomingMessage): Promise<Answer> => {
  const { statusCode = 0 } = response
  const reason = `it answers ${statusCode}`
  if (statusCode >= 500 || statusCode === 429) return { kind: 'down', reason }
  if (statusCode !== 200) return { kind: 'invalid', reason }
  const parsed = parseJson(await boundedBytes(response, MAX_BYTES).catch(tooLong))
  const said = parsed.ok && isJsonObject(parsed.value) ? stringAt(parsed.value, 'm.server') : undefined
  const to = said === undefined ? undefined : parseServerName(said)
  if (to === undefined) return { kind: 'invalid', reason: 'its answer names no server' }
  return { kind: 'good', to, forMs: lifetimeOf(response) }
}

/** Read as what is no JSON. Other failures are those of the connection. */
const tooLong = (error: unknown): Uint8Array => {
  if (error instanceof Error && error.message.startsWith('the answer is longer')) return new Uint8Array()
  throw error
}

/** RFC 9111, as far as it matters here. */
const lifetimeOf = ({ headers }: IncomingMessage): number => {
  const control = (headers['cache-control'] ?? '').toLowerCase()
  const [, seconds] = /(?:^|[\s,])max-age\s*=\s*"?(\d{1,10})/.exec(control) ?? []
  const within = (forMs: number): number => Math.min(Math.max(forMs, LEAST_MS), MOST_MS)
  if (/(?:^|[\s,])no-(?:store|cache)\b/.test(control)) return LEAST_MS
  if (seconds !== undefined) return within(Number(seconds) * 1_000)
  if (headers.expires === undefined) return DEFAULT_MS
  const [until, from] = [Date.parse(headers.expires), Date.parse(headers.date ?? '')]
  return Number.isNaN(until) || Number.isNaN(from) ? LEAST_MS : within(until - from)
}
