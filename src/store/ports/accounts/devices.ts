import type { DeviceId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'
import type { RateOverride } from './accounts.ts'

/** Internal number of a device, never given twice: transaction ids and to-device messages hang on it. */
export type DeviceNumber = number
/** Internal number of an access token and the refresh token given with it. */
export type TokenNumber = number

export interface DeviceRecord {
  readonly device: DeviceNumber
  readonly deviceId: DeviceId
  readonly displayName: string | undefined
  readonly lastSeenAtMs: number | undefined
  readonly lastSeenIp: string | undefined
  readonly lastSeenUserAgent: string | undefined
  /** See `DehydratedDevice`. */
  readonly dehydrated: boolean
  /** The id of the OAuth client that the session belongs to; undefined: it began by a login of the legacy API. */
  readonly oauthClient: string | undefined
}

/** Address, user agent and time of a device's last request. */
export interface Sighting {
  readonly ip: string
  readonly userAgent: string | undefined
  readonly atMs: number
}

/** Tokens are stored as SHA-256 in hexadecimal only. */
export interface NewTokenPair {
  readonly accessHash: string
  /** undefined: never. */
  readonly accessExpiresAtMs: number | undefined
  readonly refreshHash: string | undefined
  readonly refreshExpiresAtMs: number | undefined
}

export interface NewSession {
  readonly userId: UserId
  readonly deviceId: DeviceId
  /** For a device that is new; a known one keeps its name. */
  readonly displayName: string | undefined
  readonly tokens: NewTokenPair
  readonly seen: Sighting
  /** The OAuth client that the session belongs to. */
  readonly oauthClient?: string | undefined
  /** Whether the session may administer the server, where the user may. undefined: unless it is that of an OAuth client. */
  readonly administers?: boolean | undefined
  /** Devices that the user may have; undefined: any number. */
  readonly most?: number | undefined
}

export interface NewDevice {
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly displayName: string | undefined
  readonly atMs: number
  /** Devices that the user may have. */
  readonly most: number
}

export interface StartedSession {
  readonly user: UserNumber
  readonly device: DeviceNumber
  readonly token: TokenNumber
}

export interface RemovedDevice {
  readonly device: DeviceNumber
  readonly deviceId: DeviceId
}

/**
 * Changes that void access tokens announce the user in the stream `sessions`. A new, renamed or removed device is a change of the user's device
 * list, in the stream `deviceLists`.
 */
export interface DevicesWriter {
  /** Makes the device if it is unknown; tokens that it had become void. Conflicts: `account-gone` (no account, or deactivated), `account-locked`, `account-awaits-approval`, `too-many-devices`, `oauth-client-gone`, `device-id-is-key`. */
  startSession(session: NewSession): Change<StartedSession>
  /**
   * Makes a device without tokens, for the application service of its user. Returns false where the device is there already. Conflicts: `account-gone`,
   * `too-many-devices`, `device-id-is-key`.
   */
  make(device: NewDevice): Change<boolean>
  /** Conflict: `device-gone`. */
  rename(device: DeviceNumber, displayName: string): Change<void>
  /**
   * Removes devices with their tokens, and lists them as gone for those who keep more of them (`orphansOf` in `domain/flows/sessions`); unknown ids
   * are passed over.
   */
  remove(userId: UserId, deviceIds: readonly DeviceId[]): Change<readonly RemovedDevice[]>
  /** Removes all devices of the user but `except` and the dehydrated one, which is there for the time when no other is. */
  removeAll(userId: UserId, except?: DeviceNumber): Change<readonly RemovedDevice[]>
  /** Devices that are gone are passed over. */
  recordSightings(sightings: readonly (Sighting & { readonly device: DeviceNumber })[]): Change<void>
}

export interface DevicesReader {
  device(userId: UserId, deviceId: DeviceId): Promise<DeviceRecord | undefined>
  /** Oldest first. */
  devicesOf(userId: UserId): Promise<readonly DeviceRecord[]>
}

/** A stored pair of tokens with all that a request needs to know of its owner. */
export interface TokenRecord {
  readonly token: TokenNumber
  readonly accessHash: string
  readonly user: UserNumber
  readonly userId: UserId
  readonly device: DeviceNumber
  readonly deviceId: DeviceId
  readonly guest: boolean
  /** Whether the token may administer the server: its user may, and an OAuth client was let do that. */
  readonly admin: boolean
  readonly locked: boolean
  readonly suspended: boolean
  /** See `DeviceRecord`. */
  readonly oauthClient: string | undefined
  /** Whether an application service began the session, for a user whom it does not have for itself alone. */
  readonly borrowed: boolean
  readonly shadowBanned: boolean
  readonly rateLimit: RateOverride | undefined
  /** undefined: the account does not expire. */
  readonly accountExpiresAtMs: number | undefined
  readonly accessExpiresAtMs: number | undefined
  readonly refreshExpiresAtMs: number | undefined
  /** Whether the pair that this one replaces is still valid, because this one was never used. */
  readonly unconfirmed: boolean
  /** Whether a refresh replaced the pair, so that it is void while its device lives on. */
  readonly replaced: boolean
}

/** Changes that void access tokens announce the user in the stream `sessions`. */
export interface TokensWriter {
  /**
   * Exchanges a refresh token. The old pair stays valid until a new one is used, so several exchanges may follow; what each gave stays valid. A device has
   * at most 64 valid pairs: beyond that the oldest ones become void. Conflict: `refresh-token-gone`.
   */
  exchange(token: TokenNumber, tokens: NewTokenPair): Change<TokenNumber>
  /** Records the first use of a pair: the pair that it replaces becomes void, and is kept as replaced; 32 of them for a device. Conflict: `token-gone`. */
  confirm(token: TokenNumber): Change<void>
  /**
   * Voids all tokens of the session of a pair, valid or replaced; its device lives on, and the tokens are kept as replaced. Nothing happens if that
   * session is over, or is not one of that OAuth client.
   */
  voidSession(token: TokenNumber, oauthClient: string): Change<void>
}

export interface TokensReader {
  byAccessHash(hash: string): Promise<TokenRecord | undefined>
  byRefreshHash(hash: string): Promise<TokenRecord | undefined>
}
