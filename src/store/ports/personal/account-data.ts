import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { RoomNumber, UserNumber } from '../rooms/events.ts'

export interface AccountDataEntry {
  readonly type: string
  /** The content, an object, as JSON text; `{}` for an entry that was removed, which clients that had it are told. */
  readonly contentJson: string
  /** Position in the stream `accountData`. */
  readonly position: number
}

export interface RoomAccountDataEntry extends AccountDataEntry {
  readonly room: RoomNumber
}

/** A user's changes to the push rules, as JSON of `UserPushRules` in `rules`. */
export interface PushRulesRecord {
  readonly rulesJson: string
  readonly position: number
}

/** Asks for some of the entries of a user that changed with `after` < position <= `upTo`, in the order of their types. From the beginning on, removed ones are left out. */
export interface AccountDataPage {
  readonly user: UserNumber
  /** undefined: global. */
  readonly room: RoomNumber | undefined
  readonly after: number
  readonly upTo: number
  /** The type of the last entry of the page before; empty for the first page. */
  readonly afterType: string
  /** As many entries as fit, and at least one. */
  readonly limitBytes: number
}

/**
 * Account data (client-server API, "Client Config"), global and per room, and the push rules. Clients see push rules as global
 * account data `m.push_rules`, so they take positions in the same stream; but no list here has them, because their
 * content is made from the defaults and the record.
 */
export interface AccountDataReader {
  global(user: UserNumber, type: string): Promise<AccountDataEntry | undefined>
  inRoom(user: UserNumber, room: RoomNumber, type: string): Promise<AccountDataEntry | undefined>
  /** All entries that were not removed, for a first sync. */
  allGlobal(user: UserNumber): Promise<readonly AccountDataEntry[]>
  /** All entries of these rooms that were not removed, or of all rooms if none are given. */
  allInRooms(user: UserNumber, rooms?: readonly RoomNumber[]): Promise<readonly RoomAccountDataEntry[]>
  /** The user's entries of one type, in all rooms. */
  ofTypeInRooms(user: UserNumber, type: string): Promise<readonly RoomAccountDataEntry[]>
  /** Entries changed with `after` < position <= `upTo`, global and in rooms, by position. */
  since(
    user: UserNumber,
    after: number,
    upTo: number,
  ): Promise<{ readonly global: readonly AccountDataEntry[]; readonly rooms: readonly RoomAccountDataEntry[] }>
  /** Some of the entries, as there may be many megabytes of them. Empty after the last one. */
  page(page: AccountDataPage): Promise<readonly AccountDataEntry[]>
  /** Bytes of the entries that changed with `after` < position <= `upTo`, by room; 0 stands for the global ones. */
  bytesSince(user: UserNumber, after: number, upTo: number): Promise<ReadonlyMap<RoomNumber, number>>
  /** Bytes of all entries of these rooms, for those that have some. */
  bytesInRooms(user: UserNumber, rooms: readonly RoomNumber[]): Promise<ReadonlyMap<RoomNumber, number>>
  /** Number of the user's entries, and bytes of their contents. */
  usage(user: UserNumber): Promise<{ readonly entries: number; readonly sizeBytes: number }>
  pushRules(user: UserNumber): Promise<PushRulesRecord | undefined>
}

export interface NewAccountData {
  readonly user: UserNumber
  /** undefined: global. */
  readonly room: RoomNumber | undefined
  readonly type: string
  readonly contentJson: string
}

export interface AccountDataWriter {
  /** Announces `accountData` to the user. Returns the position. */
  put(entry: NewAccountData): Change<number>
  /**
   * Puts the entry if it is still as it was read: `expectedPosition` is its position, 0 for none. Conflict:
   * `account-data-changed`. For contents of which a part is changed, such as `m.tag`.
   */
  replace(entry: NewAccountData, expectedPosition: number): Change<number>
  /** The same as `replace`, for the push rules. Conflict: `push-rules-changed`. */
  replacePushRules(user: UserNumber, rulesJson: string, expectedPosition: number): Change<number>
  /** Removes the data and push rules (not the filters) of an account that is deactivated. */
  removeAll(user: UserNumber): Change<void>
  /** Removes the local notification settings of devices of the user that are gone; stands behind the removal of the devices in the same commit. */
  removeOfGone(userId: UserId): Change<void>
  /** Removes everybody's data for a room that is gone. */
  removeRoom(room: RoomNumber): Change<void>
}
