import type { DeviceId, JsonObject, UserId } from '#spec'

/** For each user the devices asked for; an empty list stands for all. */
export type DevicesWanted = ReadonlyMap<UserId, readonly DeviceId[]>

/** For each user and device the algorithm of the key asked for. */
export type ClaimsWanted = ReadonlyMap<UserId, ReadonlyMap<DeviceId, string>>

/** Keys as JSON text, with the signatures that the asking user may see. */
export interface UserKeys {
  /** By device id. */
  readonly devices: ReadonlyMap<DeviceId, string>
  readonly master?: string | undefined
  readonly selfSigning?: string | undefined
  /** For its owner alone. */
  readonly userSigning?: string | undefined
}

/** By user and device: `algorithm:id` and the key as JSON text. */
export type ClaimedKeys = ReadonlyMap<
  UserId,
  ReadonlyMap<DeviceId, { readonly name: string; readonly keyJson: string }>
>

/** The keys of the users of one or more servers: of this one from the store, of others by asking them. */
export interface KeySource {
  /** Users without an account have no entry. */
  query(wanted: DevicesWanted, asker: UserId, timeoutMs: number): Promise<KeyAnswer<ReadonlyMap<UserId, UserKeys>>>
  /** Users and devices without a key have no entry. */
  claim(wanted: ClaimsWanted, timeoutMs: number): Promise<KeyAnswer<ClaimedKeys>>
}

export interface KeyAnswer<Found> {
  readonly found: Found
  /** By server name; an object for each server that could not be asked. */
  readonly failures: Readonly<Record<string, JsonObject>>
}
