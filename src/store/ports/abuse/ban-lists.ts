import type { RoomId } from '#spec'
import type { Change } from '../engine/change.ts'

/** A policy room that this server obeys because an administrator wished so. */
export interface SubscribedBanList {
  readonly roomId: RoomId
  /** A user id, or `operator`. */
  readonly addedBy: string
  readonly addedAtMs: number
}

export interface BanListsReader {
  /** In the order of their ids. */
  banLists(): Promise<readonly SubscribedBanList[]>
}

export interface BanListsWriter {
  /** Conflict: `too-many-ban-lists` (there are `most` already). One that is there stays as it is. */
  add(list: SubscribedBanList, most: number): Change<void>
  /** Returns whether it was there. */
  remove(roomId: RoomId): Change<boolean>
}
