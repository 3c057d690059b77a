import type { Clock } from '#base'
import { type SigningKey, signJson } from '#rules'
import { isJsonObject, type JsonObject, type ServerName } from '#spec'
import type { KeyFetches } from './key-fetches.ts'
import type { KnownKeys } from './known-keys.ts'
import type { OwnKeys } from './own-keys.ts'

export interface KeyNotaryParts {
  readonly serverName: ServerName
  readonly ownKeys: Pick<OwnKeys, 'published'>
  readonly known: KnownKeys
  readonly fetches: Pick<KeyFetches, 'fetch'>
  readonly signingKey: SigningKey
  readonly clock: Clock
}

/** A question about the keys of one server. */
export interface KeyQuestion {
  readonly server: ServerName
  /** Empty: all. */
  readonly keyIds: readonly string[]
  /** An older answer will do only where no newer one can be had. undefined: now. */
  readonly minimumValidUntilMs: number | undefined
}

/** After this, what is known already is told. */
const PATIENCE_MS = 20_000

/** Tells others about the keys of third servers, with a signature of this one (server-server API, "Querying Keys Through Another Server"). */
export class KeyNotary {
  readonly #parts: KeyNotaryParts

  constructor(parts: KeyNotaryParts) {
    this.#parts = parts
  }

  /** The answers of these servers, each signed by this one too. A server of which nothing is known is left out. */
  async answers(questions: readonly KeyQuestion[]): Promise<readonly JsonObject[]> {
    await this.#fetchStale(questions)
    const answers: JsonObject[] = []
    for (const question of questions) answers.push(...(await this.#answersOf(question)))
    return answers
  }

  async #fetchStale(questions: readonly KeyQuestion[]): Promise<void> {
    const { known, fetches, clock, serverName } = this.#parts
    const nowMs = clock.nowMs()
    const stale: Parameters<KeyFetches['fetch']>[0][number][] = []
    for (const { server, keyIds, minimumValidUntilMs: validAtMs = nowMs } of questions) {
      if (server === serverName) continue
      const keys = await known.keysOf(server)
      if (keyIds.length === 0) {
        const isFresh = [...keys.values()].some((key) => !key.expired && key.validUntilMs >= validAtMs)
        if (!isFresh) stale.push({ server, keyId: '', validAtMs })
      }
      for (const keyId of keyIds) {
        const key = keys.get(keyId)
        if (key === undefined || (!key.expired && key.validUntilMs < validAtMs))
          stale.push({ server, keyId, validAtMs })
      }
    }
    if (stale.length === 0) return
    let cancel: (() => void) | undefined
    const patience = new Promise<void>((go) => {
      cancel = clock.after(PATIENCE_MS, go)
    })
    try {
      await Promise.race([patience, fetches.fetch(stale)])
    } finally {
      cancel?.()
    }
  }

  async #answersOf({ server, keyIds }: KeyQuestion): Promise<readonly JsonObject[]> {
    const { known, ownKeys, serverName } = this.#parts
    if (server === serverName) return [parsed(ownKeys.published())]
    const keys = [...(await known.keysOf(server)).values()]
    const asked = keyIds.length === 0 ? keys : keys.filter(({ keyId }) => keyIds.includes(keyId))
    return [...new Set(asked.map(({ answerJson }) => answerJson))].map((json) => this.#signed(parsed(json)))
  }

  #signed(object: JsonObject): JsonObject {
    const signed = signJson(object, this.#parts.signingKey)
    if (!signed.ok) throw new Error(`an answer about keys cannot be signed: ${signed.failure.reason}`)
    return signed.value
  }
}

const parsed = (json: string): JsonObject => {
  const object: unknown = JSON.parse(json)
  if (!isJsonObject(object)) throw new Error('a kept answer about keys is no object')
  return object
}
