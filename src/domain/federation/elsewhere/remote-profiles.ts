import type { CacheStats, Clock } from '#base'
import type { FederationRequests } from '#net'
import { isJsonObject, type JsonObject, type JsonValue, serverOf, type UserId } from '#spec'
import { RememberedAnswers } from './remembered-answers.ts'
import { toldFailure } from './told-failure.ts'

export interface RemoteProfilesParts {
  readonly requests: Pick<FederationRequests, 'json'>
  readonly clock: Clock
}

const MINUTE_MS = 60_000
const ASK_MS = 10_000
/** A profile has less than 64 KiB; this much of white space and escapes is let pass. */
const MAX_BYTES = 256 * 1024
const MAX_PROFILE_LENGTH = 65_535
const MAX_TEXT = { displayname: 256, avatar_url: 1_000 } as const
const CACHE_BYTES = 16 * 1024 * 1024
/** Each UTF-16 unit of an object's JSON takes about so many bytes in memory. */
const BYTES_A_UNIT = 4

/** Profiles of users of other servers (server-server API, "Querying for information"), as these tell them, for a short time. */
export class RemoteProfiles {
  readonly #parts: RemoteProfilesParts
  readonly #answers: RememberedAnswers<{ readonly profile: JsonObject; readonly length: number }>

  constructor(parts: RemoteProfilesParts) {
    this.#parts = parts
    this.#answers = new RememberedAnswers({
      name: 'remote-profiles',
      clock: parts.clock,
      limitBytes: CACHE_BYTES,
      sizeBytes: ({ length }) => 200 + length * BYTES_A_UNIT,
      freshMs: 5 * MINUTE_MS,
      failedMs: MINUTE_MS,
    })
  }

  stats(): CacheStats {
    return this.#answers.stats()
  }

  /** All fields that the server tells. Throws `M_NOT_FOUND`, `M_FORBIDDEN`, or 502 and 504 where it cannot be asked. */
  async profile(userId: UserId): Promise<JsonObject> {
    try {
      const { profile } = await this.#answers.get(userId, () => this.#ask(userId))
      return profile
    } catch (error) {
      throw toldFailure(error, 'There is no such user')
    }
  }

  /** The same as it is now. Throws `FederationFailure`. */
  async profileNow(userId: UserId, signal: AbortSignal): Promise<JsonObject> {
    const { profile } = await this.#answers.renewed(userId, () => this.#ask(userId, signal))
    return profile
  }

  async #ask(userId: UserId, signal?: AbortSignal): Promise<{ readonly profile: JsonObject; readonly length: number }> {
    const answer = await this.#parts.requests.json(serverOf(userId), {
      method: 'GET',
      path: '/_matrix/federation/v1/query/profile',
      query: { user_id: userId },
      timeoutMs: ASK_MS,
      maxBytes: MAX_BYTES,
      ...(signal === undefined ? {} : { signal }),
    })
    const profile = profileIn(answer)
    const { length } = JSON.stringify(profile)
    return length > MAX_PROFILE_LENGTH ? { profile: {}, length: 0 } : { profile, length }
  }
}

/** A field that is not set may come as null. A name or picture that is no text, or one longer than users here may have, counts as none. */
const profileIn = (answer: JsonValue): JsonObject => {
  if (!isJsonObject(answer)) return {}
  const fields = Object.entries(answer).filter(([key, value]) => {
    if (value === null || value === undefined) return false
    if (key !== 'displayname' && key !== 'avatar_url') return true
    return typeof value === 'string' && value.length <= MAX_TEXT[key]
  })
  return Object.fromEntries(fields)
}
