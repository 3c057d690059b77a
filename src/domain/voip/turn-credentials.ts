import { createHmac } from 'node:crypto'
import type { Clock } from '#base'
import type { UserId } from '#spec'

export interface TurnSettings {
  /** Empty: there are no TURN servers. */
  readonly turnUris: readonly string[]
  /** If set, it is used instead of the name and password that are the same for everybody. */
  readonly turnSharedSecret: string | undefined
  readonly turnUsername: string | undefined
  readonly turnPassword: string | undefined
  /** Milliseconds. */
  readonly turnLifetime: number
}

/** The answer of `GET /voip/turnServer`. */
export interface TurnCredentials {
  readonly username: string
  readonly password: string
  readonly uris: readonly string[]
  /** Seconds. */
  readonly ttl: number
}

export interface TurnServersParts {
  readonly settings: TurnSettings
  readonly clock: Clock
}

/** Credentials for TURN servers: the same for everybody, or valid for a time and made from a secret that the servers know. */
export class TurnServers {
  readonly #parts: TurnServersParts

  constructor(parts: TurnServersParts) {
    this.#parts = parts
  }

  /** undefined without TURN servers. */
  credentials(userId: UserId): TurnCredentials | undefined {
    const { turnUris: uris, turnSharedSecret, turnUsername, turnPassword, turnLifetime } = this.#parts.settings
    if (uris.length === 0) return undefined
    const ttl = Math.max(1, Math.floor(turnLifetime / 1_000))
    if (turnSharedSecret !== undefined) {
      // "A REST API For Access To TURN Services" (draft-uberti-behave-turn-rest): time of expiry, a colon, the user.
      const username = `${Math.floor(this.#parts.clock.nowMs() / 1_000) + ttl}:${userId}`
      const password = createHmac('sha1', turnSharedSecret).update(username).digest('base64')
      return { username, password, uris, ttl }
    }
    if (turnUsername === undefined || turnPassword === undefined) return undefined
    return { username: turnUsername, password: turnPassword, uris, ttl }
  }
}
