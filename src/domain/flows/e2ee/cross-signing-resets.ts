import type { Clock } from '#base'
import type { UserId } from '#spec'
import type { ShortLivedTable } from '#store'
import type { KeysOwner } from '../../e2ee/index.ts'
import type { Stage, StageOffer } from '../../uia/index.ts'
import type { Reauthentication } from '../stages/reauthentication.ts'

/** Client-server API, "OAuth authentication"; and its name while it was a proposal. */
export const OAUTH_STAGE = 'm.oauth'
export const OAUTH_STAGE_OF_PROPOSAL = 'org.matrix.cross_signing_reset'

/** The time within which the app has to come after the person said yes. */
export const CROSS_SIGNING_RESET_MS = 10 * 60_000

export interface CrossSigningResetsParts {
  readonly allowed: ShortLivedTable<object>
  /** Users whom an administrator lets replace their keys. */
  readonly permitted: ShortLivedTable<object>
  readonly clock: Clock
  readonly reauthentication: Pick<Reauthentication, 'offerFor'>
  /** The page on which people say that their keys may be replaced. */
  readonly url: string
}

/**
 * The proof that somebody replaces their own cross-signing keys: for a session of the OAuth 2.0 API, that they said so on a page of their account; for
 * any other, their password or provider.
 */
export class CrossSigningResets {
  readonly #parts: CrossSigningResetsParts

  constructor(parts: CrossSigningResetsParts) {
    this.#parts = parts
  }

  /** Lets the user's keys be replaced once, within the next minutes. */
  async allow(userId: UserId): Promise<void> {
    await this.#parts.allowed.put({}, { id: userId, owner: userId })
  }

  async isAllowed(userId: UserId): Promise<boolean> {
    return (await this.#parts.allowed.find(userId)) !== undefined
  }

  /** Lets the user's keys be replaced once without a proof, because an administrator says so. Returns until when. */
  async permit(userId: UserId): Promise<number> {
    const untilMs = this.#parts.clock.nowMs() + CROSS_SIGNING_RESET_MS
    await this.#parts.permitted.put({}, { id: userId, owner: userId })
    return untilMs
  }

  /** Whether an administrator lets the user's keys be replaced now; that counts once. */
  async takePermission(userId: UserId): Promise<boolean> {
    return (await this.#parts.permitted.take(userId)) !== undefined
  }

  offerFor({ userId, oauthClient }: ReplacingOwner): Promise<StageOffer> {
    if (oauthClient === undefined) return this.#parts.reauthentication.offerFor(userId)
    const types = [OAUTH_STAGE, OAUTH_STAGE_OF_PROPOSAL]
    return Promise.resolve({
      flows: types.map((type) => [type]),
      stages: types.map((type) => this.#stage(type, userId)),
    })
  }

  #stage(type: string, userId: UserId): Stage {
    return {
      type,
      params: { url: this.#parts.url },
      attempt: async ({ requester }) =>
        requester === userId && (await this.#parts.allowed.take(userId)) !== undefined
          ? { kind: 'passed', fact: { kind: 'user', userId } }
          : {
              kind: 'failed',
              errcode: 'M_UNAUTHORIZED',
              error: 'Nobody allowed this yet: open the address in a browser, and say yes there',
            },
    }
  }
}

/** The owner of keys, and the OAuth client whose token came with the request, if it was one. */
export interface ReplacingOwner extends KeysOwner {
  readonly oauthClient?: string | undefined
}
