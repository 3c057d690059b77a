import type { Clock } from '#base'
import type { AppserviceRequests } from '#net'
import { isJsonObject, type JsonObject, type RoomAlias, type UserId } from '#spec'
import type { ApplicationService } from './application-service.ts'

export interface AppserviceQueriesParts {
  readonly requests: Pick<AppserviceRequests, 'ask'>
  readonly clock: Clock
  services(): readonly ApplicationService[]
}

/** A user waits for the answer. */
const TIMEOUT_MS = 10_000
/** Answers of one kind that are passed on. */
const MAX_RESULTS = 1_000
const KNOWN_FOR_MS = 60_000
/** Questions that wait at once; more are answered as if nobody knew. */
const MAX_ASKED = 200

/** Asks services what they know: users and aliases that are not there yet, and third-party networks (application service API, "Querying", "Third-party networks"). */
export class AppserviceQueries {
  readonly #parts: AppserviceQueriesParts
  /** Answers about protocols that came lately. Registrations name them, so there are few. */
  readonly #known = new Map<string, { readonly protocol: JsonObject; readonly untilMs: number }>()
  readonly #underWay = new Map<string, Promise<readonly unknown[]>>()

  constructor(parts: AppserviceQueriesParts) {
    this.#parts = parts
  }

  /** Whether a service says that it has made the room for an alias. */
  async makeAlias(alias: RoomAlias): Promise<boolean> {
    const asked = this.#parts.services().filter((service) => service.hasAlias(alias))
    return this.#isMade(asked, `/rooms/${encodeURIComponent(alias)}`)
  }

  /** Whether a service says that it has made the user. */
  async makeUser(userId: UserId): Promise<boolean> {
    const asked = this.#parts.services().filter((service) => service.hasUser(userId) && userId !== service.sender)
    return this.#isMade(asked, `/users/${encodeURIComponent(userId)}`)
  }

  /** All protocols, by name. */
  async protocols(): Promise<JsonObject> {
    const names = new Set(this.#parts.services().flatMap(({ registration }) => registration.protocols))
    const found = await Promise.all([...names].map(async (name) => [name, await this.protocol(name)] as const))
    return Object.fromEntries(found.flatMap(([name, told]) => (told === undefined ? [] : [[name, told]])))
  }

  /** Returns what services tell of a protocol, with all their instances of it; undefined where none tells anything. */
  async protocol(name: string): Promise<JsonObject | undefined> {
    const { clock } = this.#parts
    const known = this.#known.get(name)
    if (known !== undefined && known.untilMs > clock.monotonicMs()) return known.protocol
    const path = `/protocol/${encodeURIComponent(name)}`
    const told: JsonObject[] = []
    const instances: JsonObject[] = []
    const asked = this.#speaking(name)
    for (const [index, answer] of (await this.#each(asked, path)).entries()) {
      if (!isJsonObject(answer)) continue
      told.push(answer)
      const service = asked[index]?.id ?? ''
      for (const instance of listIn(answer.instances)) instances.push(withInstanceId(instance, service))
    }
    const [first] = told
    if (first === undefined) return undefined
    const protocol = { ...first, instances }
    this.#known.set(name, { protocol, untilMs: clock.monotonicMs() + KNOWN_FOR_MS })
    return protocol
  }

  /** Places in a protocol, by the fields of the protocol. */
  locations(protocol: string, fields: URLSearchParams): Promise<readonly JsonObject[]> {
    return this.#merged(
      this.#speaking(protocol),
      `/location/${encodeURIComponent(protocol)}?${fields.toString()}`,
      'alias',
    )
  }

  users(protocol: string, fields: URLSearchParams): Promise<readonly JsonObject[]> {
    return this.#merged(
      this.#speaking(protocol),
      `/user/${encodeURIComponent(protocol)}?${fields.toString()}`,
      'userid',
    )
  }

  locationsOf(alias: string): Promise<readonly JsonObject[]> {
    const asked = this.#parts.services().filter((service) => service.hasAlias(alias))
    return this.#merged(asked, `/location?${new URLSearchParams({ alias }).toString()}`, 'alias')
  }

  usersOf(userId: UserId): Promise<readonly JsonObject[]> {
    const asked = this.#parts.services().filter((service) => service.hasUser(userId))
    return this.#merged(asked, `/user?${new URLSearchParams({ userid: userId }).toString()}`, 'userid')
  }

  knowsProtocol(name: string): boolean {
    return this.#speaking(name).length > 0
  }

  #speaking(protocol: string): readonly ApplicationService[] {
    return this.#parts.services().filter(({ registration }) => registration.protocols.includes(protocol))
  }

  async #isMade(services: readonly ApplicationService[], path: string): Promise<boolean> {
    for (const service of services) {
      const { url, hsToken } = service.registration
      if (url === undefined) continue
      const request = { method: 'GET', path: `/_matrix/app/v1${path}`, oldPath: path, timeoutMs: TIMEOUT_MS } as const
      const answer = await this.#parts.requests.ask({ url, hsToken }, request)
      if (answer.kind === 'answered' && answer.status === 200) return true
    }
    return false
  }

  /** `id`: a member that each result has to have. */
  async #merged(services: readonly ApplicationService[], path: string, id: string): Promise<readonly JsonObject[]> {
    const answers = await this.#each(services, path)
    const results = answers
      .flatMap(listIn)
      .filter(
        (result) =>
          typeof result[id] === 'string' && typeof result.protocol === 'string' && isJsonObject(result.fields),
      )
    return results.slice(0, MAX_RESULTS)
  }

  /** The answers of the services, in their order; the same question that is under way is not asked again. */
  async #each(services: readonly ApplicationService[], path: string): Promise<readonly unknown[]> {
    const known = this.#underWay.get(path)
    if (known !== undefined) return known
    if (this.#underWay.size >= MAX_ASKED) return []
    const asked = Promise.all(services.map((service) => this.#one(service, path)))
    this.#underWay.set(path, asked)
    try {
      return await asked
    } finally {
      this.#underWay.delete(path)
    }
  }

  async #one({ registration: { url, hsToken } }: ApplicationService, path: string): Promise<unknown> {
    if (url === undefined) return undefined
    const answer = await this.#parts.requests.ask(
      { url, hsToken },
      {
        method: 'GET',
        path: `/_matrix/app/v1/thirdparty${path}`,
        oldPath: `/_matrix/app/unstable/thirdparty${path}`,
        timeoutMs: TIMEOUT_MS,
      },
    )
    if (answer.kind === 'failed' || answer.status !== 200) return undefined
    try {
      return JSON.parse(answer.text)
    } catch {
      return undefined
    }
  }
}

const listIn = (value: unknown): readonly JsonObject[] =>
  Array.isArray(value) ? value.slice(0, MAX_RESULTS).filter(isJsonObject) : []

/** The name by which the rooms of an instance are asked for: see `networkOf`. */
const withInstanceId = (instance: JsonObject, service: string): JsonObject =>
  typeof instance.network_id === 'string' ? { ...instance, instance_id: `${service}|${instance.network_id}` } : instance

/** The network that a `third_party_instance_id` names; undefined for what is none. */
export const networkOf = (instanceId: string): { readonly service: string; readonly network: string } | undefined => {
  const at = instanceId.indexOf('|')
  return at === -1 ? undefined : { service: instanceId.slice(0, at), network: instanceId.slice(at + 1) }
}
