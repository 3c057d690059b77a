import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** What outlives the process: whether somebody is online does not. */
export interface PresenceRecord {
  readonly userId: UserId
  readonly user: UserNumber
  readonly statusMsg: string | undefined
  readonly lastActiveMs: number
}

export interface PresenceStoreReader {
  /** Those of the users that were ever seen. */
  lastSeen(userIds: readonly UserId[]): Promise<readonly PresenceRecord[]>
}

export interface PresenceStoreWriter {
  keep(records: readonly Omit<PresenceRecord, 'userId'>[]): Change<void>
  /** For accounts that end. */
  remove(user: UserNumber): Change<void>
}
