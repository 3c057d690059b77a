import type { DeviceId, ServerName, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'
import type { CrossSigningKeyRecord } from './cross-signing.ts'
import type { DeviceKeysRecord } from './device-keys.ts'

/** A list of devices that is kept here. */
export interface RemoteDeviceList {
  /** Ids of the changes that the list has, the newest last. */
  readonly knownIds: readonly number[]
  /** Whether it has to be asked for anew. */
  readonly stale: boolean
}

/** One list to ask for. */
export interface ListToAsk {
  readonly userId: UserId
  readonly failures: number
}

/** Devices of users of other servers. Server-server API, "Device Management". */
export interface RemoteDeviceListsReader {
  /**
   * The devices of those of these users whose lists are right: in step with their server ever since they were asked for, as the user has shared a room with
   * this server all the time.
   */
  devicesOf(userIds: readonly UserId[], own: ServerName): Promise<ReadonlyMap<UserId, readonly DeviceKeysRecord[]>>
  list(userId: UserId): Promise<RemoteDeviceList | undefined>
  /** Those of these users who share a room with this server. */
  sharing(userIds: readonly UserId[], own: ServerName): Promise<readonly UserId[]>
  /** Servers of which lists are to be asked for by that time, the one that waits longest first. */
  serversToAsk(byMs: number, limit: number): Promise<readonly ServerName[]>
  nextToAsk(server: ServerName, byMs: number): Promise<ListToAsk | undefined>
  /** Lists of users behind a number who share no room with this server, and the number up to which was looked. */
  unshared(
    after: UserNumber,
    limit: number,
    own: ServerName,
  ): Promise<{ readonly userIds: readonly UserId[]; readonly upTo: UserNumber | undefined }>
}

export interface ChangedDevice {
  readonly userId: UserId
  readonly deviceId: DeviceId
  /** undefined: the device is gone, or has no keys. */
  readonly keys: DeviceKeysRecord | undefined
  readonly id: number
  /** The newest change that the list had: as it was read. */
  readonly after: number
}

/** All of these announce the user in the stream `deviceLists`, where keys change. */
export interface RemoteDeviceListsWriter {
  /** Changes one device of a list that is right. Conflict: `device-list-moved`, where the list is another than was read. */
  change(changed: ChangedDevice): Change<void>
  /** The user's keys changed, and nothing more is known: a list that is kept has to be asked for. */
  outdate(userId: UserId, atMs: number): Change<void>
  /**
   * Keeps the lists of these users from now on, or asks for them anew; announces nothing. `seenAt`: position of the stream of events at which they were not right: those that
   * were asked for since are left as they are.
   */
  want(wanted: { readonly userIds: readonly UserId[]; readonly atMs: number; readonly seenAt: number }): Change<void>
  /** Stores a list as the server told it, if it is still wanted. Announced where it differs. */
  replace(list: {
    readonly userId: UserId
    readonly devices: readonly DeviceKeysRecord[]
    readonly crossSigning: readonly CrossSigningKeyRecord[]
    readonly id: number
    readonly askedPosition: number
    /** Time at which the request began: what became outdated since stays so. */
    readonly askedMs: number
  }): Change<void>
  /** Replaces cross-signing keys: those that are given. */
  setCrossSigning(userId: UserId, keys: readonly CrossSigningKeyRecord[]): Change<void>
  askLater(userId: UserId, failures: number, atMs: number): Change<void>
  /** A server that cannot be reached is not asked for any list before that time. */
  askServerLater(server: ServerName, atMs: number): Change<void>
  /** Drops lists with their devices and cross-signing keys. */
  drop(userIds: readonly UserId[]): Change<void>
}
