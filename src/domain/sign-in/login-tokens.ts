import type { Random } from '#base'
import type { DeviceId, UserId } from '#spec'
import type { ShortLivedTable } from '#store'

/** The user of a login token. */
export interface LoginTokenOwner {
  readonly userId: UserId
  /** The device that asked for the token, if one did. */
  readonly askedBy?: DeviceId | undefined
}

export interface LoginTokensParts {
  readonly tokens: ShortLivedTable<LoginTokenOwner>
  readonly random: Random
}

const PREFIX = 'hrl_'
const RANDOM_LENGTH = 43
const MAX_LENGTH = 64

/** Tokens of `m.login.token`: one use, short life. */
export class LoginTokens {
  readonly #parts: LoginTokensParts

  constructor(parts: LoginTokensParts) {
    this.#parts = parts
  }

  issue(userId: UserId, askedBy?: DeviceId, lifetimeMs?: number): Promise<string> {
    const { tokens, random } = this.#parts
    const id = PREFIX + random.token(RANDOM_LENGTH)
    return tokens.put({ userId, askedBy }, { id, owner: userId, ...(lifetimeMs === undefined ? {} : { lifetimeMs }) })
  }

  /** Redeems a token. undefined: unknown, used or expired. */
  async take(token: string): Promise<LoginTokenOwner | undefined> {
    return token.length > MAX_LENGTH || !token.startsWith(PREFIX) ? undefined : this.#parts.tokens.take(token)
  }
}
