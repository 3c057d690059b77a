import type { UserId } from '#spec'
import type { DeviceNumber } from '../accounts/devices.ts'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** Internal number of a pusher, never given twice. */
export type PusherNumber = number

/** What a client says of a pusher (client-server API, `/pushers/set`). All are of kind `http`. */
export interface NewPusher {
  readonly user: UserNumber
  /** Of the access token it was set with: the pusher ends with that device. undefined: with the account. */
  readonly device: DeviceNumber | undefined
  readonly appId: string
  readonly pushkey: string
  readonly appDisplayName: string
  readonly deviceDisplayName: string
  readonly profileTag: string | undefined
  readonly lang: string
  /** `data` as sent, the gateway's `url` included. */
  readonly dataJson: string
  readonly setAtMs: number
  /** In the stream of events: what comes after it is pushed. A pusher that exists keeps its own. */
  readonly position: number
}

export interface PusherRecord extends NewPusher {
  readonly pusher: PusherNumber
  readonly userId: UserId
}

export interface PushersWriter {
  /**
   * Makes it, or changes the user's pusher of that app and pushkey. `alone`: those of other users with the same two go. Conflict:
   * `too-many-pushers` where it would be a new one beyond `most`.
   */
  set(pusher: NewPusher, options: { readonly alone: boolean; readonly most: number }): Change<void>
  remove(user: UserNumber, appId: string, pushkey: string): Change<void>
  /** Those of the user whose device is gone: to stand behind the removal of devices in the same commit. */
  removeOrphans(userId: UserId): Change<void>
  removeAll(user: UserNumber): Change<void>
  /** The gateway rejected its pushkey. */
  reject(pusher: PusherNumber): Change<void>
  /** Everything up to that position was delivered, or is nothing to deliver. Never moves back; gone pushers are passed over. */
  advance(pushers: readonly PusherNumber[], position: number): Change<void>
}

export interface PushersReader {
  pusher(pusher: PusherNumber): Promise<PusherRecord | undefined>
  /** Oldest first. */
  ofUser(user: UserNumber): Promise<readonly PusherRecord[]>
  /** Pushers of all users in the order of their numbers, those after `after`. */
  page(after: PusherNumber, limit: number): Promise<readonly PusherRecord[]>
}
