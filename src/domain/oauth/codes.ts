import { hash, timingSafeEqual } from 'node:crypto'
import type { Clock } from '#base'
import type { UserId } from '#spec'
import type { ShortLivedTable, TokenNumber } from '#store'
import type { AuthorizationRequest } from './authorization-request.ts'
import { OAuthRefusal } from './refusal.ts'
import type { GrantedScope } from './scope.ts'

/** A code as it is stored. */
export interface KeptCode extends GrantedScope {
  readonly clientId: string
  readonly redirectUri: string
  readonly codeChallenge: string
  readonly userId: UserId
  readonly goodUntilMs: number
  /** Whether somebody came with it, the first token of the session that began by that, and whether somebody came again. */
  readonly used?: { readonly token?: TokenNumber; readonly again?: true }
}

export interface CodesParts {
  readonly table: ShortLivedTable<KeptCode>
  readonly clock: Clock
}

const GOOD_FOR_MS = 60_000
/** A code is kept after its use, to notice when somebody comes with it again. */
const KEPT_FOR_MS = 10 * 60_000
const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/

export interface CodeUse {
  readonly clientId: string
  readonly code: string
  readonly redirectUri: string
  readonly verifier: string
}

/** Authorisation codes: each good for one session, for one minute. RFC 6749, section 4.1.2. */
export class AuthorizationCodes {
  readonly #parts: CodesParts

  constructor(parts: CodesParts) {
    this.#parts = parts
  }

  /** For somebody who consented to the request. */
  issue({ client, ...request }: AuthorizationRequest, userId: UserId): Promise<string> {
    const { table, clock } = this.#parts
    const { redirectUri, codeChallenge, deviceId, scope, admin } = request
    return table.put(
      {
        ...{ clientId: client.clientId, redirectUri, codeChallenge, deviceId, scope, admin, userId },
        goodUntilMs: clock.nowMs() + GOOD_FOR_MS,
      },
      { owner: userId, lifetimeMs: KEPT_FOR_MS },
    )
  }

  /**
   * Uses a code up, whatever else is wrong. `replayed`: the first token of the session that began by it, where somebody comes with it again: either of
   * them stole it, so that session ends. Throws `invalid_grant`.
   */
  async use({
    clientId,
    code,
    redirectUri,
    verifier,
  }: CodeUse): Promise<KeptCode | { readonly replayed: TokenNumber }> {
    const { table, clock } = this.#parts
    let before: KeptCode | undefined
    await table.change(code, (kept) => {
      before = kept
      return { value: { ...kept, used: kept.used === undefined ? {} : { ...kept.used, again: true } } }
    })
    if (before === undefined || before.clientId !== clientId) throw badCode()
    if (before.used?.token !== undefined) return { replayed: before.used.token }
    if (before.used !== undefined || before.goodUntilMs <= clock.nowMs()) throw badCode()
    if (before.redirectUri !== redirectUri || !proves(verifier, before.codeChallenge)) throw badCode()
    return before
  }

  /** Remembers the session that began by a code. false: somebody came with the code again meanwhile, so the session has to end. */
  async began(code: string, token: TokenNumber): Promise<boolean> {
    const kept = await this.#parts.table.change(code, (before) => ({
      value: { ...before, used: { ...before.used, token } },
    }))
    return kept?.used?.again !== true
  }
}

const proves = (verifier: string, challenge: string): boolean => {
  if (!VERIFIER.test(verifier)) return false
  const [one, other] = [Buffer.from(hash('sha256', verifier, 'base64url')), Buffer.from(challenge)]
  return one.length === other.length && timingSafeEqual(one, other)
}

const badCode = (): OAuthRefusal =>
  new OAuthRefusal('invalid_grant', 'The code is unknown, used or expired, or was given to another request')
