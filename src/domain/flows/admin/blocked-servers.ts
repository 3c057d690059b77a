import { MatrixError } from '#spec'
import { type BlockedServer, type Commit, WriteConflict } from '#store'
import { type BlockedServers, MAX_BLOCKED_SERVERS } from '../../abuse/index.ts'
import type { AdminActor, AuditLog } from '../../admin/index.ts'

export interface ManageBlockedServersParts {
  readonly servers: BlockedServers
  readonly auditLog: Pick<AuditLog, 'note'>
  readonly commit: Commit
}

const PATTERN = /^[0-9a-z.:*?[\]-]{1,255}$/

/** Administrators choose the servers with which this one does not talk. The caller has made sure that the actor is one. */
export class ManageBlockedServers {
  readonly #parts: ManageBlockedServersParts

  constructor(parts: ManageBlockedServersParts) {
    this.#parts = parts
  }

  servers(): readonly BlockedServer[] {
    return this.#parts.servers.servers()
  }

  /**
   * From now on this server neither asks such servers nor answers them. Returns the pattern as it is kept.
   * Throws `M_INVALID_PARAM` for what names no server, `M_LIMIT_EXCEEDED` where there are too many.
   */
  async block(actor: AdminActor, name: string, reason: string | undefined): Promise<string> {
    const { servers, auditLog, commit } = this.#parts
    const pattern = patternOf(name)
    const details = reason === undefined ? {} : { reason }
    const note = auditLog.note({ ...actor, action: 'server.block', subject: pattern, details })
    try {
      await commit([servers.adding(pattern, reason, actor.by), note])
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind !== 'too-many-blocked-servers') throw error
      const text = `At most ${MAX_BLOCKED_SERVERS} servers can be blocked; a star stands for any characters`
      throw new MatrixError('M_LIMIT_EXCEEDED', text, { status: 400 })
    }
    await servers.reload()
    return pattern
  }

  /** Throws `M_INVALID_PARAM`, and `M_NOT_FOUND` for what is not blocked in just these words. */
  async unblock(actor: AdminActor, name: string): Promise<void> {
    const { servers, auditLog, commit } = this.#parts
    const pattern = patternOf(name)
    await servers.reload()
    if (!servers.servers().some((server) => server.pattern === pattern))
      throw new MatrixError('M_NOT_FOUND', 'No administrator blocked this server; the configuration may deny it')
    const note = auditLog.note({ ...actor, action: 'server.unblock', subject: pattern, details: {} })
    await commit([servers.removing(pattern), note])
    await servers.reload()
  }
}

const patternOf = (name: string): string => {
  const pattern = name.trim().toLowerCase()
  if (!PATTERN.test(pattern)) throw new MatrixError('M_INVALID_PARAM', 'This is no name of a server')
  return pattern
}
