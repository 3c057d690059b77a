import type { JsonObject, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

export interface ProfilesReader {
  /** All fields of one user; `{}` if none was ever set, whether or not such an account exists. */
  profile(userId: UserId): Promise<JsonObject>
  /** Profiles of many users; users without any field are missing. */
  profiles(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, JsonObject>>
}

export interface ProfilesWriter {
  /** `valueJson` is any JSON text, also `null`: a field that is null still exists. */
  setField(user: UserNumber, key: string, valueJson: string): Change<void>
  /** The same by user id, for the commit that creates the account: its number is not known yet. */
  setFieldOf(userId: UserId, key: string, valueJson: string): Change<void>
  /** Removes a field; a field that does not exist is no error. */
  removeField(user: UserNumber, key: string): Change<void>
  /** Removes all fields of an account that is deactivated. */
  removeProfile(user: UserNumber): Change<void>
}
