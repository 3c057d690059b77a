import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** A third-party identifier in canonical form; the store compares it as it is. */
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

/** That an identity server was told who has an address. */
export interface IdentityBinding extends ThirdPartyIdKey {
  readonly idServer: string
}

export interface ThirdPartyIdsWriter {
  /**
   * Gives it to the user; one they have already only counts as validated anew. Conflicts: `threepid-in-use` (another user has it),
   * `account-gone` (none, or deactivated), `too-many-threepids` (it would be one more than `most`).
   */
  add(userId: UserId, threepid: NewThirdPartyId, most: number): Change<void>
  /** Answers whether the user had it. */
  remove(user: UserNumber, threepid: ThirdPartyIdKey): Change<boolean>
  /** All of the user, and what identity servers were told. */
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
