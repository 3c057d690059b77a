import type { DeviceId, UserId } from '#spec'
import type { DeviceNumber } from '../accounts/devices.ts'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** Internal number of a pusher, never given twice. */
export type PusherNumber = number

export type PusherKind = 'http' | 'email'

/** A pusher as a client describes it (client-server API, `/pushers/set`). */
export interface NewPusher {
  readonly kind: PusherKind
  readonly user: UserNumber
  /** The device that set it: the pusher ends with that device. undefined: with the account. */
  readonly device: DeviceNumber | undefined
  readonly appId: string
  readonly pushkey: string
  readonly appDisplayName: string
  readonly deviceDisplayName: string
  readonly profileTag: string | undefined
  readonly lang: string
  /** `data` as sent, with the gateway's `url`. */
  readonly dataJson: string
  readonly setAtMs: number
  /** Whether it pushes at all: its user may switch it off from any device. */
  readonly enabled: boolean
  /** Position in the stream of events: later events are pushed. A pusher that exists already keeps its own. */
  readonly position: number
}

export interface PusherRecord extends NewPusher {
  readonly pusher: PusherNumber
  readonly userId: UserId
  readonly deviceId: DeviceId | undefined
  /** Whether the account is locked: what comes meanwhile is not pushed. */
  readonly locked: boolean
  /** Record of what a pusher of kind `email` mailed, as JSON; undefined: nothing yet. */
  readonly progressJson: string | undefined
}

export interface PushersWriter {
  /**
   * Makes a pusher, or changes the user's pusher of that app and pushkey. `alone`: removes other users' pushers of the same two. Conflict:
   * `too-many-pushers` (a new one, and the user has `most` already).
   */
  set(pusher: NewPusher, options: { readonly alone: boolean; readonly most: number }): Change<void>
  remove(user: UserNumber, appId: string, pushkey: string): Change<void>
  /** Removes the user's pushers whose device is gone. Stands behind the removal of devices in the same commit. */
  removeOrphans(userId: UserId): Change<void>
  removeAll(user: UserNumber): Change<void>
  /** Removes a pusher whose pushkey the gateway rejected. */
  reject(pusher: PusherNumber): Change<void>
  /** Records what was mailed, and that everything up to that position was. */
  mailed(pusher: PusherNumber, position: number, progressJson: string): Change<void>
  /** Records that everything up to that position was delivered or needs no delivery. Never moves back; unknown pushers are passed over. */
  advance(pushers: readonly PusherNumber[], position: number): Change<void>
}

export interface PushersReader {
  pusher(pusher: PusherNumber): Promise<PusherRecord | undefined>
  /** Oldest first. */
  ofUser(user: UserNumber): Promise<readonly PusherRecord[]>
  /** Pushers of all users with numbers above `after`, in order of number. */
  page(after: PusherNumber, limit: number): Promise<readonly PusherRecord[]>
}
