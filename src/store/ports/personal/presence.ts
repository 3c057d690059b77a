import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** The stored part of presence. Whether somebody is online is not stored. */
export interface PresenceRecord {
  readonly userId: UserId
  readonly user: UserNumber
  readonly statusMsg: string | undefined
  readonly lastActiveMs: number
}

export interface PresenceStoreReader {
  /** Records of the users that were ever seen. */
  lastSeen(userIds: readonly UserId[]): Promise<readonly PresenceRecord[]>
}

export interface PresenceStoreWriter {
  keep(records: readonly Omit<PresenceRecord, 'userId'>[]): Change<void>
  /** Removes the record of an account that is deactivated. */
  remove(user: UserNumber): Change<void>
}
