import type { JsonObject, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

export interface ProfilesReader {
  /** All fields of one user; `{}` where none was ever set, whether or not such an account exists. */
  profile(userId: UserId): Promise<JsonObject>
  /** Of many users at once; those without any field are missing. */
  profiles(userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, JsonObject>>
}

export interface ProfilesWriter {
  /** `valueJson` is any JSON text, `null` included: a field that is null is not a field that is gone. */
  setField(user: UserNumber, key: string, valueJson: string): Change<void>
  /** The same where the number is not known yet: for the commit that creates the account. */
  setFieldOf(userId: UserId, key: string, valueJson: string): Change<void>
  /** Nothing happens where there is no such field. */
  removeField(user: UserNumber, key: string): Change<void>
  /** For accounts that end. */
  removeProfile(user: UserNumber): Change<void>
}
