import { type JsonObject, MatrixError } from '#spec'
import { type Change, type Commit, type RegistrationTokenRecord, type TokenLimits, WriteConflict } from '#store'
import type { RegistrationTokens } from '../../accounts/index.ts'
import type { AdminActor, AuditLog } from '../../admin/index.ts'

const MOST_LISTED = 10_000

export interface ManageRegistrationTokensParts {
  readonly tokens: RegistrationTokens
  readonly auditLog: AuditLog
  readonly commit: Commit
}

/** Deeds of administrators with registration tokens. Whoever knows one can register, so the audit log has only its beginning. */
export class ManageRegistrationTokens {
  readonly #parts: ManageRegistrationTokensParts

  constructor(parts: ManageRegistrationTokensParts) {
    this.#parts = parts
  }

  /** `usable`: only those with which somebody can still register, or only those with which nobody can. */
  async list(usable?: boolean): Promise<readonly RegistrationTokenRecord[]> {
    const { tokens } = this.#parts
    const all = await tokens.list(MOST_LISTED)
    return usable === undefined ? all : all.filter((token) => tokens.isUsable(token) === usable)
  }

  /** Throws `M_NOT_FOUND`. */
  async token(token: string): Promise<RegistrationTokenRecord> {
    const found = await this.#parts.tokens.token(token)
    if (found === undefined) throw noSuchToken()
    return found
  }

  /** Throws `M_INVALID_PARAM` for a text that is no token, or is one already. */
  async create(
    actor: AdminActor,
    token: string,
    limits: { readonly uses?: number; readonly expiresAtMs?: number },
  ): Promise<RegistrationTokenRecord> {
    const { commit, tokens } = this.#parts
    const details = { uses_allowed: limits.uses ?? null, expiry_time: limits.expiresAtMs ?? null }
    try {
      await commit([tokens.create(token, limits), this.#note(actor, 'registration_token.create', token, details)])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new MatrixError('M_INVALID_PARAM', 'There is such a token already')
    }
    return { token, uses: 0, usesAllowed: limits.uses, expiresAtMs: limits.expiresAtMs }
  }

  /** An absent limit stays, undefined is none. Throws `M_NOT_FOUND`. */
  async limit(actor: AdminActor, token: string, limits: TokenLimits): Promise<RegistrationTokenRecord> {
    const { commit, tokens } = this.#parts
    const details = {
      ...('usesAllowed' in limits ? { uses_allowed: limits.usesAllowed ?? null } : {}),
      ...('expiresAtMs' in limits ? { expiry_time: limits.expiresAtMs ?? null } : {}),
    }
    try {
      await commit([tokens.limit(token, limits), this.#note(actor, 'registration_token.change', token, details)])
    } catch (error) {
      throw error instanceof WriteConflict ? noSuchToken() : error
    }
    return this.token(token)
  }

  /** Throws `M_NOT_FOUND`. */
  async revoke(actor: AdminActor, token: string): Promise<void> {
    await this.token(token)
    const { commit, tokens } = this.#parts
    await commit([tokens.revoke(token), this.#note(actor, 'registration_token.delete', token, {})])
  }

  #note(actor: AdminActor, action: string, token: string, details: JsonObject): Change<void> {
    return this.#parts.auditLog.note({ ...actor, action, subject: beginningOf(token), details })
  }
}

const beginningOf = (token: string): string => `${token.slice(0, Math.min(4, token.length >> 1))}…`

const noSuchToken = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such registration token')
