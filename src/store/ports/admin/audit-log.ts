import type { JsonObject, UserId } from '#spec'
import type { Change } from '../engine/change.ts'

/** A deed of an administrator, as it is noted. */
export interface NewAuditEntry {
  readonly by: UserId | 'operator'
  /** The way that it came: the administration API, the pages, the command line. */
  readonly via: 'api' | 'page' | 'command'
  /** `user.deactivate`, `room.delete` … */
  readonly action: string
  /** The user, room, medium, token … that it was done to; empty where it concerns the server as a whole. */
  readonly subject: string
  /** Never a secret. */
  readonly details: JsonObject
  readonly atMs: number
}

export interface AuditEntry extends NewAuditEntry {
  /** Grows with each entry. */
  readonly entry: number
}

export interface AuditPage {
  /** Entries older than this one. */
  readonly before: number
  readonly limit: number
  /** Entries of this time and later. */
  readonly sinceMs: number
  readonly by?: string | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
}

export interface AuditLogReader {
  /** Newest first. */
  entries(page: AuditPage): Promise<readonly AuditEntry[]>
}

export interface AuditLogWriter {
  /** Beyond `keep` entries the oldest go. */
  add(entry: NewAuditEntry, keep: number): Change<void>
  /** Removes up to `limit` entries of before that time. Returns how many. */
  removeBefore(atMs: number, limit: number): Change<number>
}
