import { Chore, type Clock, type Logger } from '#base'
import type { JsonObject, UserId } from '#spec'
import type { AuditEntry, AuditLogReader, AuditLogWriter, Change, Commit } from '#store'

/** The administrator who does something, and the way that it came. Every deed of an administrator takes one. */
export interface AdminActor {
  readonly by: UserId | 'operator'
  readonly via: 'api' | 'page' | 'command'
}

export interface AuditNote extends AdminActor {
  /** A noun and a verb: `user.deactivate`, `room.delete` … */
  readonly action: string
  /** The id of the user, room, medium, token … that it is done to; empty where it concerns the server as a whole. */
  readonly subject: string
  /** Never a secret: no password, no access token. */
  readonly details: JsonObject
}

export interface AuditLogParts {
  readonly reader: AuditLogReader
  readonly writer: AuditLogWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly keep: {
    readonly entries: number
    /** undefined: for ever. */
    readonly ageMs: number | undefined
  }
}

export interface AuditQuery {
  /** The entry that the page before ended with. */
  readonly before?: number | undefined
  readonly limit: number
  readonly by?: string | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
}

const MAX_SUBJECT = 1_024
const MAX_DETAILS_BYTES = 8_192
const REMOVED_AT_ONCE = 1_000
const SWEEP_EVERY_MS = 3_600_000

/** A database holds neither U+0000 nor half of a surrogate pair. */
const storable = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed()

const bounded = (details: JsonObject): JsonObject => {
  const text = JSON.stringify(details)
  if (Buffer.byteLength(text) > MAX_DETAILS_BYTES) return { too_long: true }
  // Escapes of JSON keep U+0000 out of the text, and half pairs too.
  return details
}

/** Everything that administrators did, and when. Old entries go, by number and by age. */
export class AuditLog {
  readonly #parts: AuditLogParts

  constructor(parts: AuditLogParts) {
    this.#parts = parts
  }

  /** A change for the commit of the deed itself, so that neither is there without the other. */
  note({ by, via, action, subject, details }: AuditNote): Change<void> {
    const { writer, clock, keep } = this.#parts
    const entry = { by, via, action, subject: storable(subject.slice(0, MAX_SUBJECT)), details: bounded(details) }
    return writer.add({ ...entry, atMs: clock.nowMs() }, keep.entries)
  }

  /** Notes a deed that has several commits, or none. */
  async record(note: AuditNote): Promise<void> {
    await this.#parts.commit([this.note(note)])
  }

  /** Newest first; entries that are too old are not shown, even if they were not removed yet. */
  list({ before = Number.MAX_SAFE_INTEGER, ...page }: AuditQuery): Promise<readonly AuditEntry[]> {
    return this.#parts.reader.entries({ ...page, before, sinceMs: this.#oldestMs() ?? 0 })
  }

  /** The work that removes what is too old. Does not start it. */
  sweep(logger: Logger): Chore {
    return new Chore({
      clock: this.#parts.clock,
      logger,
      everyMs: SWEEP_EVERY_MS,
      failure: 'old entries of the audit log could not be removed; tried again in an hour',
      round: (chore) => chore.inPieces(() => this.#removeSome()),
    })
  }

  async #removeSome(): Promise<boolean> {
    const oldestMs = this.#oldestMs()
    if (oldestMs === undefined) return false
    const { commit, writer } = this.#parts
    const [removed] = await commit([writer.removeBefore(oldestMs, REMOVED_AT_ONCE)])
    return removed === REMOVED_AT_ONCE
  }

  #oldestMs(): number | undefined {
    const { clock, keep } = this.#parts
    return keep.ageMs === undefined ? undefined : clock.nowMs() - keep.ageMs
  }
}
