import { BoundedWork, type Clock, yieldToEventLoop } from '#base'
import { FederationFailure, type FederationRequests } from '#net'
import {
  type DeviceId,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  objectAt,
  type ServerName,
  serverOf,
  type UserId,
} from '#spec'
import type { ClaimsWanted, DevicesWanted, KeyAnswer } from '../key-source.ts'
import { type AnsweredKeys, answeredCrossSigning, answeredDevices, answeredOneTimeKey } from './answered-keys.ts'

export interface AskServersParts {
  readonly requests: Pick<FederationRequests, 'json'>
  readonly clock: Clock
}

type Claimed = ReadonlyMap<DeviceId, { readonly name: string; readonly keyJson: string }>

/** Servers asked at a time, for all users together. */
const AT_ONCE = { concurrency: 200, maxWaiting: 20_000 }
const USERS_A_REQUEST = 200
const USERS_A_SLICE = 20
/** More are asked for in smaller parts, as an answer is parsed at once. */
const MAX_ANSWER_BYTES = 1024 * 1024

/** Asks other servers for keys of their users: all at once, each on its own. Server-server API, "End-to-End Encryption". */
export class AskServers {
  readonly #parts: AskServersParts
  readonly #work = new BoundedWork(AT_ONCE)

  constructor(parts: AskServersParts) {
    this.#parts = parts
  }

  /** Users of whom a server says nothing have no devices. */
  query(wanted: DevicesWanted, timeoutMs: number): Promise<KeyAnswer<ReadonlyMap<UserId, AnsweredKeys>>> {
    const path = '/_matrix/federation/v1/user/keys/query'
    return this.#askAll(wanted, timeoutMs, async (server, users, within) => {
      const body = { device_keys: Object.fromEntries(users) as unknown as JsonObject }
      const answer = await this.#post(server, path, body, within)
      const of = (member: string, userId: UserId): JsonValue | undefined => memberOf(objectAt(answer, member), userId)
      return this.#inSlices(users, (userId) => ({
        devices: answeredDevices(of('device_keys', userId), userId),
        crossSigning: answeredCrossSigning(
          { master: of('master_keys', userId), selfSigning: of('self_signing_keys', userId) },
          userId,
        ),
      }))
    })
  }

  claim(wanted: ClaimsWanted, timeoutMs: number): Promise<KeyAnswer<ReadonlyMap<UserId, Claimed>>> {
    const path = '/_matrix/federation/v1/user/keys/claim'
    return this.#askAll(wanted, timeoutMs, async (server, users, within) => {
      const asked = users.map(([userId, devices]) => [userId, Object.fromEntries(devices)])
      const answer = objectAt(
        await this.#post(server, path, { one_time_keys: Object.fromEntries(asked) }, within),
        'one_time_keys',
      )
      return this.#inSlices(users, (userId, devices) => {
        const ofUser = memberOf(answer, userId)
        const claimed = new Map<DeviceId, { readonly name: string; readonly keyJson: string }>()
        for (const [deviceId, algorithm] of devices) {
          const key = answeredOneTimeKey(isJsonObject(ofUser) ? memberOf(ofUser, deviceId) : undefined, algorithm)
          if (key !== undefined) claimed.set(deviceId, key)
        }
        return claimed
      })
    })
  }

  async #askAll<Wanted, Found>(
    wanted: ReadonlyMap<UserId, Wanted>,
    timeoutMs: number,
    ask: (
      server: ServerName,
      users: readonly (readonly [UserId, Wanted])[],
      within: { readonly timeoutMs: number; readonly signal: AbortSignal },
    ) => Promise<ReadonlyMap<UserId, Found>>,
  ): Promise<KeyAnswer<ReadonlyMap<UserId, Found>>> {
    const found = new Map<UserId, Found>()
    const failures: Record<string, JsonObject> = {}
    const late = new AbortController()
    const cancel = this.#parts.clock.after(timeoutMs, () => late.abort())
    const within = { timeoutMs, signal: late.signal }
    const askServer = async (server: ServerName, users: readonly (readonly [UserId, Wanted])[]): Promise<void> => {
      try {
        for (let from = 0; from < users.length; from += USERS_A_REQUEST) {
          const some = users.slice(from, from + USERS_A_REQUEST)
          await inParts(some, async (part) => {
            const answer = await this.#work.run(() => ask(server, part, within))
            for (const [userId, keys] of answer) found.set(userId, keys)
          })
        }
      } catch (error) {
        failures[server] = failureOf(error, late.signal)
      }
    }
    try {
      await Promise.all([...byServer(wanted)].map(([server, users]) => askServer(server, users)))
    } finally {
      cancel()
    }
    return { found, failures }
  }

  async #post(
    server: ServerName,
    path: string,
    body: JsonObject,
    within: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<JsonObject> {
    within.signal.throwIfAborted()
    const request = { method: 'POST', path, body, maxBytes: MAX_ANSWER_BYTES, ...within } as const
    const answer = await this.#parts.requests.json(server, request)
    return isJsonObject(answer) ? answer : {}
  }

  async #inSlices<Wanted, Found>(
    users: readonly (readonly [UserId, Wanted])[],
    read: (userId: UserId, wanted: Wanted) => Found,
  ): Promise<ReadonlyMap<UserId, Found>> {
    const found = new Map<UserId, Found>()
    for (const [index, [userId, wanted]] of users.entries()) {
      if (index % USERS_A_SLICE === USERS_A_SLICE - 1) await yieldToEventLoop(this.#parts.clock)
      found.set(userId, read(userId, wanted))
    }
    return found
  }
}

/** Asks for all, and for each half where the answer for the whole could not be taken. */
const inParts = async <Entry>(
  users: readonly Entry[],
  ask: (part: readonly Entry[]) => Promise<void>,
): Promise<void> => {
  try {
    await ask(users)
  } catch (error) {
    const isTooLong = error instanceof FederationFailure && error.parts.kind === 'bad-answer'
    if (!isTooLong || users.length === 1) throw error
    const middle = users.length >> 1
    await inParts(users.slice(0, middle), ask)
    await inParts(users.slice(middle), ask)
  }
}

const byServer = <Wanted>(
  wanted: ReadonlyMap<UserId, Wanted>,
): ReadonlyMap<ServerName, readonly (readonly [UserId, Wanted])[]> => {
  const servers = new Map<ServerName, [UserId, Wanted][]>()
  for (const entry of wanted) {
    const server = serverOf(entry[0])
    const users = servers.get(server)
    if (users === undefined) servers.set(server, [entry])
    else users.push(entry)
  }
  return servers
}

/** Names of users and devices come from others: `__proto__` is one. */
const memberOf = (object: JsonObject | undefined, name: string): JsonValue | undefined =>
  object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined

/** The error that the client is told; the reason itself may name addresses of the operator's network. */
const failureOf = (error: unknown, signal: AbortSignal): JsonObject => {
  if (error instanceof FederationFailure && error.parts.kind === 'refused') {
    return {
      errcode: error.parts.errcode ?? 'M_UNKNOWN',
      error: 'The server refused',
      status: error.parts.status ?? 502,
    }
  }
  if (error instanceof FederationFailure || signal.aborted) {
    return { errcode: 'M_UNKNOWN', error: 'The server could not be reached', status: 503 }
  }
  throw error
}
