import type { UserId } from '#spec'
import type { Between } from '../encryption/device-lists.ts'
import type { UserNumber } from '../rooms/events.ts'

/** The fields that are asked for; undefined: all of them. */
export type FieldKeys = readonly string[] | undefined

/** The fields of one user, as they are after some change. */
export interface FieldsOfUser {
  readonly user: UserNumber
  readonly userId: UserId
  /** JSON texts; undefined for a field that was removed. */
  readonly fields: ReadonlyMap<string, string | undefined>
  /** More fields were removed than have names: every other field that the user may have had. */
  readonly removedOthers: boolean
}

/** Changes of profiles of this server's users, by positions of the stream `profiles`. Each field has one position, that of its newest change. */
export interface ProfileChangesReader {
  /** Users of whom one of these fields changed, and who were ever in a room that the viewer was ever in; the viewer too. */
  changedAround(viewer: UserNumber, window: Between, keys: FieldKeys): Promise<readonly UserNumber[]>
  /** The position up to which a window has about `most` changes; its own end where it has fewer. */
  cut(window: Between, most: number): Promise<number>
  /** The fields of these users that changed in the window, or were removed in it. `after` is -1 for all that they have. */
  fieldsOf(users: readonly UserNumber[], window: Between, keys: FieldKeys): Promise<readonly FieldsOfUser[]>
  /** Users above a number who have or had one of these fields and share a joined room with the viewer now, in order. */
  withFields(
    viewer: UserNumber,
    keys: readonly string[],
    after: UserNumber,
    limit: number,
  ): Promise<readonly UserNumber[]>
  /** Whether the rooms of a user have more members together than that, those of two rooms counted twice. */
  hasMoreMembers(viewer: UserNumber, most: number): Promise<boolean>
}
