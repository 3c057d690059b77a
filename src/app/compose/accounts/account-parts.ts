import type {
  AccessTokens,
  Accounts,
  Devices,
  DeviceTraces,
  IdentityTraces,
  InteractiveAuth,
  NewAccountChanges,
  Sessions,
} from '#domain'
import { localpartOf } from '#spec'
import { writers } from '#store'
import type { BuiltSignIn } from './sign-in.ts'
import type { BuiltThirdPartyIds } from './third-party-ids.ts'

/** The parts that are built first; the flows over accounts use them. */
export interface BuiltParts {
  readonly accounts: Accounts
  readonly devices: Devices
  readonly accessTokens: AccessTokens
  readonly sessions: Sessions
  readonly uia: InteractiveAuth
  readonly addresses: BuiltThirdPartyIds
  readonly signIn: BuiltSignIn
  /** Tells all administrators something, in their rooms for notices. Never throws. */
  readonly tellAdministrators: (text: string) => void
}

/** Makes the local part the display name of a new account, as clients expect. */
export const newAccountChanges: NewAccountChanges = {
  changesFor: (userId, displayName) => [
    writers.profiles.setFieldOf(userId, 'displayname', JSON.stringify(displayName ?? localpartOf(userId))),
  ],
}

/** The most messages that the commit removes which removes their devices; the others follow in pieces. */
const MESSAGES_AT_ONCE = 1_000

/** Everything that ends with a device, in the commit that removes it. */
export const deviceTraces: DeviceTraces = {
  orphansOf: (userId) => [
    writers.pushers.removeOrphans(userId),
    writers.accountData.removeOfGone(userId),
    writers.toDevice.removeOfGone(userId, MESSAGES_AT_ONCE),
    // Whoever throws a thief's device out shall not find another of theirs a minute later.
    writers.shortLived.removeOwned('oauth-code', userId),
    writers.shortLived.removeOwned('oauth-device-grant', userId),
  ],
  // Tokens by which an administrator acts as others; and the consent that lets apps in again without a question, as one of them may be a thief's.
  endingWithAllOf: (userId) => [
    writers.impersonations.removeBy(userId),
    writers.shortLived.removeOwned('oauth-consent', userId),
  ],
}

/** The dehydrated device was signed by the identity that ended, and would receive keys as a device that nobody trusts. */
export const identityTraces: IdentityTraces = {
  endingWithIdentity: (userId) => [writers.dehydratedDevices.remove(userId), ...deviceTraces.orphansOf(userId)],
}
