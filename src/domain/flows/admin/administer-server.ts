import { MatrixError, type ServerName } from '#spec'
import { type Commit, type ReportsWriter, WriteConflict } from '#store'
import type { AdminActor, AuditLog } from '../../admin/index.ts'
import type { Jobs } from '../../jobs/index.ts'
import type { Notice, SendNotice, SentNotice } from '../notices/send-notice.ts'

export interface AdministerServerParts {
  readonly reports: ReportsWriter
  readonly notices: Pick<SendNotice, 'send'>
  readonly jobs: Pick<Jobs, 'get' | 'cancel'>
  /** Tries a server again at once; returns whether it is one to which anything is sent. */
  readonly sending: { retry(server: ServerName): boolean }
  readonly audit: AuditLog
  readonly commit: Commit
}

/** Deeds of administrators with reports, notices, jobs and other servers. Nobody is asked who they are: the caller has made sure of that. */
export class AdministerServer {
  readonly #parts: AdministerServerParts

  constructor(parts: AdministerServerParts) {
    this.#parts = parts
  }

  /** Throws `M_NOT_FOUND`. */
  async removeReport(report: number, actor: AdminActor): Promise<void> {
    const { reports, audit, commit } = this.#parts
    const note = audit.note({ ...actor, action: 'report.delete', subject: String(report), details: {} })
    try {
      await commit([reports.remove(report), note])
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind !== 'report-unknown') throw error
      throw new MatrixError('M_NOT_FOUND', 'There is no such report')
    }
  }

  /** Throws what `SendNotice.send` throws. */
  async sendNotice(user: string, notice: Notice, actor: AdminActor): Promise<SentNotice> {
    const sent = await this.#parts.notices.send(user, notice)
    const details = { event_id: sent.eventId, type: notice.type }
    await this.#parts.audit.record({ ...actor, action: 'notice.send', subject: sent.userId, details })
    return sent
  }

  /** Throws `M_NOT_FOUND` for a server to which nothing is sent. */
  async retry(server: ServerName, actor: AdminActor): Promise<void> {
    if (!this.#parts.sending.retry(server)) throw new MatrixError('M_NOT_FOUND', 'Unknown destination')
    await this.#parts.audit.record({ ...actor, action: 'destination.retry', subject: server, details: {} })
  }

  /** Throws `M_NOT_FOUND`. Returns whether the job had not ended yet. */
  async cancelJob(id: string, actor: AdminActor): Promise<boolean> {
    const { jobs, audit } = this.#parts
    const job = await jobs.get(id)
    if (job === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such job')
    if (job.state !== 'scheduled' && job.state !== 'active') return false
    return jobs.cancel(id, [audit.note({ ...actor, action: 'job.cancel', subject: id, details: { kind: job.kind } })])
  }
}
