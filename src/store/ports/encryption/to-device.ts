import type { DeviceId, UserId } from '#spec'
import type { DeviceNumber } from '../accounts/devices.ts'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** A message for one device of a local user, or with `*` for all that the user has when it is stored. */
export interface MessageForDevice {
  readonly userId: UserId
  readonly deviceId: DeviceId | '*'
  readonly contentJson: string
}

/** The messages of one request. */
export interface DirectMessages {
  readonly sender: UserId
  readonly type: string
  /** A device of ours or another server, and its id for the request: the same again stores nothing. */
  readonly source: string
  readonly id: string
  readonly atMs: number
  readonly messages: readonly MessageForDevice[]
  /** Bytes of contents that may wait for one device. */
  readonly inboxBytes: number
}

export interface StoredMessages {
  readonly stored: number
  /** Devices whose inbox was full, and that got nothing. */
  readonly full: number
}

export interface ToDeviceWriter {
  /**
   * Puts messages into the inboxes of devices, in this order, and passes over users and devices that do not exist. A device named by its id gets that message, and not
   * also the one for `*`. Announces the users in the stream `toDevice`. The same `source` and `id` again: nothing.
   */
  send(messages: DirectMessages): Change<StoredMessages>
  /** Removes at most `limit` messages up to a position. Returns how many there were. */
  acknowledge(device: DeviceNumber, upTo: number, limit: number): Change<number>
  /** Removes at most `limit` messages of devices of the user that are gone; stands behind the removal of the devices in the same commit. */
  removeOfGone(userId: UserId, limit: number): Change<void>
  /** Removes at most `limit` messages of any devices that are gone, and forgets those of which nothing is left. Returns whether there may be more. */
  sweepGone(limit: number): Change<boolean>
  /** Removes at most `limit` transactions from before a time. Returns how many. */
  dropTransactions(beforeMs: number, limit: number): Change<number>
}

/** A message in an inbox. */
export interface WaitingMessage {
  readonly position: number
  readonly sender: UserId
  readonly type: string
  readonly contentJson: string
}

export interface MessagesQuery {
  readonly device: DeviceNumber
  readonly after: number
  readonly upTo: number
  readonly limit: number
  /** Bytes of contents, unless the first message alone is larger. */
  readonly limitBytes: number
}

export interface WaitingMessages {
  /** In the order in which they were sent. */
  readonly messages: readonly WaitingMessage[]
  /** Whether there are more up to `upTo`. */
  readonly more: boolean
}

export interface ToDeviceReader {
  /** The devices of the user for which something waits. */
  devicesWithMessages(user: UserNumber): Promise<readonly DeviceNumber[]>
  /** Whether messages up to a position are stored. */
  hasMessagesUpTo(device: DeviceNumber, upTo: number): Promise<boolean>
  messages(query: MessagesQuery): Promise<WaitingMessages>
  /** Devices behind `after`, by number, for which something waits and that were not seen since a time. Dehydrated devices are never seen, and not meant. */
  unseenInboxes(beforeMs: number, after: DeviceNumber, limit: number): Promise<readonly DeviceNumber[]>
}
