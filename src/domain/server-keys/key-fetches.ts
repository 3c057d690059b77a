import { BoundedCache, BoundedWork, type Clock, failureWords, growingPause, type Logger } from '#base'
import type { FederationRequests } from '#net'
import { signaturesOf, type VerifyKey, verifyJson } from '#rules'
import { isJsonObject, type JsonObject, type JsonValue, parseServerName, type ServerName, stringAt } from '#spec'
import type { KnownKeys } from './known-keys.ts'
import { parsePublishedKeys } from './published-keys.ts'

export interface KeyFetchesParts {
  readonly requests: Pick<FederationRequests, 'json'>
  readonly known: KnownKeys
  /** The notaries: servers that are trusted to tell keys of others. */
  readonly keyServers: readonly ServerName[]
  readonly clock: Clock
  readonly logger: Logger
}

/** A key that is needed, and a time at which it must be valid. */
export interface WantedKey {
  readonly server: ServerName
  /** Empty: any that is in use. */
  readonly keyId: string
  readonly validAtMs: number
}

interface Attempt {
  readonly failures: number
  /** Attempts until then. */
  readonly count: number
  /** No attempt before that, but for a few at a server that answers. */
  readonly untilMs: number
}

const DIRECT_MS = 15_000
const NOTARY_MS = 30_000
const ANSWER_BYTES = 64 * 1024
const NOTARY_BYTES = 8 * 1024 * 1024
/** Servers that one question to a notary names. */
const NOTARY_SERVERS = 100
/** With more servers than this to ask, the notaries are asked first. */
const MANY = 10
const FETCHES = { concurrency: 64, maxWaiting: 5_000 }
/** A server is not asked again so soon: anybody may name it, and a key that it does not have. Never long, as a server that asks something here is there. */
const AGAIN_PAUSES = { firstMs: 60_000, longestMs: 600_000 }
/** Within that time a server that answers is asked so often, as it may have got a new key since. */
const OFTEN = 5
const ATTEMPTS_BYTES = 2 * 1024 * 1024

const NO_ATTEMPT: Attempt = { failures: 0, count: 0, untilMs: 0 }

/** Gets keys of other servers: from the servers themselves, and from notaries for those that do not answer. */
export class KeyFetches {
  readonly #parts: KeyFetchesParts
  readonly #fetches = new BoundedWork(FETCHES)
  readonly #underWay = new Map<ServerName, Promise<void>>()
  readonly attempts = new BoundedCache<ServerName, Attempt>({
    name: 'server-key-attempts',
    limitBytes: ATTEMPTS_BYTES,
    sizeBytes: () => 50,
  })

  constructor(parts: KeyFetchesParts) {
    this.#parts = parts
  }

  /** Returns once everything was tried; what could not be had is not known then. Throws only if the store fails. */
  async fetch(wanted: readonly WantedKey[]): Promise<void> {
    const now = this.#parts.clock.monotonicMs()
    const due = wanted.filter(({ server }) => {
      const { untilMs, failures, count } = this.attempts.get(server) ?? NO_ATTEMPT
      return untilMs <= now || (failures === 0 && count < OFTEN)
    })
    const underWay = new Set(wanted.flatMap(({ server }) => this.#underWay.get(server) ?? []))
    const servers = new Set(due.map(({ server }) => server).filter((server) => !this.#underWay.has(server)))
    const steps =
      servers.size > MANY ? [this.#fromNotaries, this.#fromServers] : [this.#fromServers, this.#fromNotaries]
    const fetching = this.#inSteps(
      due.filter(({ server }) => servers.has(server)),
      steps,
    )
    for (const server of servers) this.#underWay.set(server, fetching)
    try {
      await Promise.all([...underWay, fetching])
    } finally {
      for (const server of servers) if (this.#underWay.get(server) === fetching) this.#underWay.delete(server)
    }
  }

  async #inSteps(
    wanted: readonly WantedKey[],
    steps: readonly ((lacking: readonly WantedKey[], answered: Set<ServerName>) => Promise<void>)[],
  ): Promise<void> {
    let lacking = wanted
    const answered = new Set<ServerName>()
    for (const step of steps) {
      if (lacking.length === 0) break
      await step(lacking, answered)
      lacking = await this.#lacking(lacking)
    }
    const lost = new Set(lacking.map(({ server }) => server))
    // A server that answered does not fail because somebody named a key that it does not have.
    for (const server of new Set(wanted.map((each) => each.server)))
      this.#note(server, lost.has(server) && !answered.has(server))
  }

  #note(server: ServerName, isLost: boolean): void {
    const now = this.#parts.clock.monotonicMs()
    const before = this.attempts.get(server) ?? NO_ATTEMPT
    const failures = isLost ? before.failures + 1 : 0
    const goesOn = !isLost && before.failures === 0 && before.untilMs > now
    const waitMs = growingPause(failures, AGAIN_PAUSES)
    this.attempts.set(server, {
      failures,
      count: goesOn ? before.count + 1 : 1,
      untilMs: goesOn ? before.untilMs : now + waitMs,
    })
  }

  async #lacking(wanted: readonly WantedKey[]): Promise<readonly WantedKey[]> {
    const lacking: WantedKey[] = []
    for (const one of wanted) {
      const keys = await this.#parts.known.keysOf(one.server)
      const found = one.keyId === '' ? [...keys.values()].filter(({ expired }) => !expired) : [keys.get(one.keyId)]
      if (!found.some((key) => key !== undefined && key.validUntilMs >= one.validAtMs)) lacking.push(one)
    }
    return lacking
  }

  readonly #fromServers = async (wanted: readonly WantedKey[], answered: Set<ServerName>): Promise<void> => {
    const servers = new Set(wanted.map(({ server }) => server))
    const fetched = [...servers].map((server) =>
      this.#fetches.run(async () => {
        if (await this.#fromServer(server)) answered.add(server)
      }),
    )
    // Those for which there is no place in the queue are not fetched now.
    await Promise.allSettled(fetched)
  }

  /** Whether the server answered well. */
  async #fromServer(server: ServerName): Promise<boolean> {
    const { requests, known, clock, logger } = this.#parts
    try {
      const path = '/_matrix/key/v2/server'
      const answer = await requests.json(server, { method: 'GET', path, timeoutMs: DIRECT_MS, maxBytes: ANSWER_BYTES })
      const published = parsePublishedKeys(answer, server, clock.nowMs())
      if (published === undefined) logger.info({ server }, 'a server answered with keys that cannot be used')
      else await known.learn(published, 'server')
      return published !== undefined
    } catch (error) {
      logger.debug({ server, reason: failureWords(error) }, 'the keys of a server could not be fetched')
      return false
    }
  }

  readonly #fromNotaries = async (wanted: readonly WantedKey[]): Promise<void> => {
    let lacking = wanted
    for (const notary of this.#parts.keyServers) {
      const key = lacking.length === 0 ? undefined : await this.#keysOfNotary(notary)
      if (key === undefined) continue
      for (let from = 0; from < lacking.length; from += NOTARY_SERVERS)
        await this.#fromNotary(notary, key, lacking.slice(from, from + NOTARY_SERVERS))
      lacking = await this.#lacking(lacking)
    }
  }

  async #fromNotary(
    notary: ServerName,
    keys: ReadonlyMap<string, VerifyKey>,
    wanted: readonly WantedKey[],
  ): Promise<void> {
    const { requests, known, clock, logger } = this.#parts
    try {
      const answer = await requests.json(notary, {
        method: 'POST',
        path: '/_matrix/key/v2/query',
        body: { server_keys: questionOf(wanted) },
        ...{ timeoutMs: NOTARY_MS, maxBytes: NOTARY_BYTES },
      })
      const servers = new Set<string>(wanted.map(({ server }) => server))
      for (const object of answersIn(answer)) {
        const server = parseServerName(stringAt(object, 'server_name') ?? '')
        // A notary answers for what it was asked, and signs it.
        if (server === undefined || !servers.has(server) || !isSignedBy(object, notary, keys)) continue
        const published = parsePublishedKeys(object, server, clock.nowMs())
        if (published !== undefined) await known.learn(published, 'notary')
      }
    } catch (error) {
      logger.info({ notary, reason: failureWords(error) }, 'a notary could not be asked for keys')
    }
  }

  /** The keys by which answers of a notary count: its own, from itself. */
  async #keysOfNotary(notary: ServerName): Promise<ReadonlyMap<string, VerifyKey> | undefined> {
    const { known, clock } = this.#parts
    const valid = async (): Promise<ReadonlyMap<string, VerifyKey>> => {
      const keys = [...(await known.keysOf(notary)).values()]
      const inUse = keys.filter(({ expired, validUntilMs }) => !expired && validUntilMs >= clock.nowMs())
      return new Map(inUse.map(({ keyId, key }) => [keyId, key]))
    }
    const found = await valid()
    if (found.size > 0) return found
    await this.#fromServer(notary)
    const fetched = await valid()
    return fetched.size === 0 ? undefined : fetched
  }
}

/** `server_keys` of `POST /_matrix/key/v2/query`. */
const questionOf = (wanted: readonly WantedKey[]): JsonObject => {
  const question: Record<string, Record<string, JsonObject>> = {}
  for (const { server, keyId, validAtMs } of wanted) {
    question[server] ??= {}
    const ofServer = question[server] ?? {}
    ofServer[keyId] = { minimum_valid_until_ts: Math.max(0, validAtMs) }
  }
  return question
}

const answersIn = (answer: JsonValue): readonly JsonObject[] => {
  const listed = isJsonObject(answer) ? answer.server_keys : undefined
  return Array.isArray(listed) ? listed.filter(isJsonObject) : []
}

const isSignedBy = (object: JsonObject, notary: ServerName, keys: ReadonlyMap<string, VerifyKey>): boolean =>
  signaturesOf(object, notary).some(({ keyId }) => {
    const key = keys.get(keyId)
    return key !== undefined && verifyJson(object, notary, keyId, key)
  })
