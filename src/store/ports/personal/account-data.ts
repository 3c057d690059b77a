import type { Change } from '../engine/change.ts'
import type { RoomNumber, UserNumber } from '../rooms/events.ts'

export interface AccountDataEntry {
  readonly type: string
  /** The content, an object, as JSON text. */
  readonly contentJson: string
  /** Place in the stream `accountData`. */
  readonly position: number
}

export interface RoomAccountDataEntry extends AccountDataEntry {
  readonly room: RoomNumber
}

/** What a user has changed in the push rules, in the record's own form; see `UserPushRules` in `rules`. */
export interface PushRulesRecord {
  readonly rulesJson: string
  readonly position: number
}

/**
 * Account data (client-server API, "Client Config"), global and per room, and the push rules, which clients see as global
 * account data `m.push_rules` and which are therefore numbered by the same stream. Push rules are in none of the lists: their
 * content is made from the defaults and the record.
 */
export interface AccountDataReader {
  global(user: UserNumber, type: string): Promise<AccountDataEntry | undefined>
  inRoom(user: UserNumber, room: RoomNumber, type: string): Promise<AccountDataEntry | undefined>
  /** Everything, for a first sync. */
  allGlobal(user: UserNumber): Promise<readonly AccountDataEntry[]>
  /** Everything of these rooms; of all rooms where none are named. */
  allInRooms(user: UserNumber, rooms?: readonly RoomNumber[]): Promise<readonly RoomAccountDataEntry[]>
  /** What changed with `after` < position <= `upTo`, global and in rooms, by position. */
  since(
    user: UserNumber,
    after: number,
    upTo: number,
  ): Promise<{ readonly global: readonly AccountDataEntry[]; readonly rooms: readonly RoomAccountDataEntry[] }>
  /** How much the user keeps: entries, and the bytes of their contents. */
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
  /** Announces `accountData` to the user. Answers its position. */
  put(entry: NewAccountData): Change<number>
  /**
   * Puts only where the entry is still as it was read: `expectedPosition` is its position, 0 where there was none. Conflict:
   * `account-data-changed`. For contents that are changed in part, such as `m.tag`.
   */
  replace(entry: NewAccountData, expectedPosition: number): Change<number>
  /** As `replace`, for the push rules. Conflict: `push-rules-changed`. */
  replacePushRules(user: UserNumber, rulesJson: string, expectedPosition: number): Change<number>
  /** For accounts that end: data, filters apart, and push rules. */
  removeAll(user: UserNumber): Change<void>
  /** Everybody's, of a room that is gone. */
  removeRoom(room: RoomNumber): Change<void>
}
