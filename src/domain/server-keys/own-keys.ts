import type { Clock } from '#base'
import { type SigningKey, signJson } from '#rules'
import type { JsonObject } from '#spec'

/** For so long others may believe it without asking again. */
const VALID_MS = 24 * 3_600_000

/** The answer of `GET /_matrix/key/v2/server`, signed with the key it tells of. */
export class OwnKeys {
  readonly #key: SigningKey
  readonly #clock: Clock

  constructor(key: SigningKey, clock: Clock) {
    this.#key = key
    this.#clock = clock
  }

  published(): JsonObject {
    const { serverName, keyId, publicKey } = this.#key
    const told = {
      server_name: serverName,
      verify_keys: { [keyId]: { key: publicKey } },
      old_verify_keys: {},
      valid_until_ts: this.#clock.nowMs() + VALID_MS,
    }
    const signed = signJson(told, this.#key)
    if (!signed.ok) throw new Error(`the server's keys cannot be signed: ${signed.failure.reason}`)
    return signed.value
  }
}
