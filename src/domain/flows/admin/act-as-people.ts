import type { Clock } from '#base'
import { MatrixError } from '#spec'
import { type AccountRecord, type Commit, type CrossSigningReader, WriteConflict } from '#store'
import type { AdminActor, AuditLog } from '../../admin/index.ts'
import { type Impersonations, isOver } from '../../devices/index.ts'
import type { CrossSigningResets } from '../e2ee/cross-signing-resets.ts'

export interface ActAsPeopleParts {
  readonly impersonations: Impersonations
  readonly crossSigning: Pick<CrossSigningReader, 'keysOf'>
  readonly resets: Pick<CrossSigningResets, 'permit'>
  readonly auditLog: AuditLog
  readonly commit: Commit
  readonly clock: Clock
}

/** Deeds of administrators in the name of others. */
export class ActAsPeople {
  readonly #parts: ActAsPeopleParts

  constructor(parts: ActAsPeopleParts) {
    this.#parts = parts
  }

  /**
   * An access token by which the administrator acts as the user, who does not notice. Throws `M_INVALID_PARAM` for oneself, for guests, for whoever is
   * no account, and for a time that is over; `M_USER_DEACTIVATED`.
   */
  async logIn(actor: AdminActor, { userId, guest }: AccountRecord, expiresAtMs: number | undefined): Promise<string> {
    const { impersonations, auditLog, commit, clock } = this.#parts
    const { by } = actor
    if (by === 'operator' || by === userId) throw new MatrixError('M_INVALID_PARAM', 'Nobody can act as themselves')
    if (guest) throw new MatrixError('M_INVALID_PARAM', 'Nobody can act as a guest')
    if (isOver(expiresAtMs, clock)) throw new MatrixError('M_INVALID_PARAM', 'That time is over')
    const { change, token } = impersonations.prepare(by, userId, expiresAtMs)
    const details = { valid_until_ms: expiresAtMs ?? null }
    try {
      await commit([change, auditLog.note({ ...actor, action: 'user.act_as', subject: userId, details })])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    }
    return token
  }

  /**
   * Lets the user replace their cross-signing keys once without authentication. Returns until when. Throws `M_NOT_FOUND` for one who has none.
   */
  async permitKeyReplacement(actor: AdminActor, { userId }: AccountRecord): Promise<number> {
    const { crossSigning, resets, auditLog } = this.#parts
    const keys = (await crossSigning.keysOf([userId])).get(userId) ?? []
    if (!keys.some(({ usage }) => usage === 'master'))
      throw new MatrixError('M_NOT_FOUND', 'The user has no cross-signing keys')
    await auditLog.record({ ...actor, action: 'user.permit_key_replacement', subject: userId, details: {} })
    return resets.permit(userId)
  }
}
