import type { Clock } from '#base'
import { canonicalJson, type SigningKey, signJson } from '#rules'

/** Time for which other servers may use the answer without asking again. */
const VALID_MS = 24 * 3_600_000

export interface OwnKeysParts {
  readonly key: SigningKey
  /** Keys that this server signed with before. */
  readonly oldKeys: readonly OldKey[]
  readonly clock: Clock
}

export interface OldKey {
  readonly keyId: string
  /** 32 bytes in unpadded Base64. */
  readonly publicKey: string
  /** The last time at which it was in use. */
  readonly expiredMs: number
}

/** The answer of `GET /_matrix/key/v2/server`, signed with the key in it. */
export class OwnKeys {
  readonly #parts: OwnKeysParts

  constructor(parts: OwnKeysParts) {
    this.#parts = parts
  }

  /** Canonical JSON, byte for byte what was signed but for the signatures: some verify it as it came. */
  published(): string {
    const { serverName, keyId, publicKey } = this.#parts.key
    const old = this.#parts.oldKeys.map(({ keyId: id, publicKey: key, expiredMs: expired_ts }) => [
      id,
      { key, expired_ts },
    ])
    const told = {
      server_name: serverName,
      verify_keys: { [keyId]: { key: publicKey } },
      old_verify_keys: Object.fromEntries(old),
      valid_until_ts: this.#parts.clock.nowMs() + VALID_MS,
    }
    const signed = signJson(told, this.#parts.key)
    const json = signed.ok ? canonicalJson(signed.value) : signed
    if (!json.ok) throw new Error(`the server's keys cannot be signed: ${json.failure.reason}`)
    return json.value
  }
}
