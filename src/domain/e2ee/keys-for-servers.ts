import { MatrixError, type ServerName, serverOf, type UserId } from '#spec'
import type { DeviceListsReader } from '#store'
import type { ClaimedKeys, ClaimsWanted, DevicesWanted, UserKeys } from './key-source.ts'
import type { LocalKeys } from './local-keys.ts'

export interface KeysForServersParts {
  readonly local: Pick<LocalKeys, 'query' | 'claim'>
  readonly versions: Pick<DeviceListsReader, 'version'>
  readonly serverName: ServerName
}

/** All devices of a user as they were at a version, or later. */
export interface DeviceListOfUser extends Pick<UserKeys, 'devices' | 'master' | 'selfSigning'> {
  /** The number of the newest change of the list: `stream_id`. */
  readonly version: number
}

/** The part that other servers may know of the keys of this server's users. Server-server API, "End-to-End Encryption". */
export class KeysForServers {
  readonly #parts: KeysForServersParts

  constructor(parts: KeysForServersParts) {
    this.#parts = parts
  }

  /** Users of other servers, and those without an account, are passed over. */
  async query(wanted: DevicesWanted): Promise<ReadonlyMap<UserId, UserKeys>> {
    return (await this.#parts.local.query(this.#ours(wanted), undefined)).found
  }

  async claim(wanted: ClaimsWanted): Promise<ClaimedKeys> {
    return (await this.#parts.local.claim(this.#ours(wanted))).found
  }

  /** Throws `M_NOT_FOUND` for no account of this server. */
  async devicesOf(userId: UserId): Promise<DeviceListOfUser> {
    // First the version: a change in between is told once more rather than not at all.
    const version = await this.#parts.versions.version(userId)
    const keys = (await this.query(new Map([[userId, []]]))).get(userId)
    if (keys === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such user on this server')
    return { ...keys, version }
  }

  #ours<Wanted>(wanted: ReadonlyMap<UserId, Wanted>): ReadonlyMap<UserId, Wanted> {
    return new Map([...wanted].filter(([userId]) => serverOf(userId) === this.#parts.serverName))
  }
}
