import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** A third-party identifier in canonical form; the store compares it byte by byte. */
export interface ThirdPartyIdKey {
  readonly medium: string
  readonly address: string
}

export interface NewThirdPartyId extends ThirdPartyIdKey {
  readonly validatedAtMs: number
  readonly addedAtMs: number
}

export interface ThirdPartyIdRecord extends NewThirdPartyId {
  readonly user: UserNumber
  readonly userId: UserId
}

/** An address that an identity server was told belongs to the user. */
export interface IdentityBinding extends ThirdPartyIdKey {
  readonly idServer: string
}

export interface ThirdPartyIdsWriter {
  /**
   * Gives the identifier to the user; one that they have already gets the new time of validation. Conflicts: `threepid-in-use` (another user has it),
   * `account-gone` (no account, or deactivated), `too-many-threepids` (the user has `most` already).
   */
  add(userId: UserId, threepid: NewThirdPartyId, most: number): Change<void>
  /** Also removes the pushers that mail notifications to it. Returns whether the user had it. */
  remove(user: UserNumber, threepid: ThirdPartyIdKey): Change<boolean>
  /** Removes all identifiers of the user, and the record of what identity servers were told. */
  removeAll(user: UserNumber): Change<void>
  addBinding(user: UserNumber, binding: IdentityBinding): Change<void>
  removeBinding(user: UserNumber, binding: IdentityBinding): Change<void>
}

export interface ThirdPartyIdsReader {
  thirdPartyId(threepid: ThirdPartyIdKey): Promise<ThirdPartyIdRecord | undefined>
  /** Oldest first. */
  ofUser(user: UserNumber): Promise<readonly ThirdPartyIdRecord[]>
  bindingsOf(user: UserNumber): Promise<readonly IdentityBinding[]>
}
