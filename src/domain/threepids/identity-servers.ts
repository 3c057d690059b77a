import type { JsonObject, RoomId, UserId } from '#spec'
import type { ThirdPartyId } from './addresses.ts'

/** The reason why an identity server could not be used. */
export type IdentityServerFailure =
  /** It is not on the operator's list, or the client's text is no server name. Nothing was sent. */
  | { readonly kind: 'untrusted' }
  /** It did not answer in time, or gave no valid answer. */
  | { readonly kind: 'unavailable' }

export type IdentityValidation =
  | { readonly kind: 'validated'; readonly threepid: ThirdPartyId; readonly validatedAtMs: number }
  /** It knows of no such session, the secret is another one, or the address was not validated in it (in time). */
  | { readonly kind: 'unvalidated' }
  | IdentityServerFailure

/**
 * Asks an identity server whether an address was validated there (identity service API, `/3pid/getValidated3pid`). `idServer` is what the
 * client sent: hostile text, at best a host with or without a port. Never throws.
 */
export interface IdentityServerCheck {
  validated(idServer: string, sid: string, clientSecret: string): Promise<IdentityValidation>
}

export interface BindRequest {
  /** The server's name as sent by the client. */
  readonly idServer: string
  /** The client's own token at that identity server; clients of 2015 had none, and v1 of the identity service API wants none. */
  readonly accessToken: string | undefined
  readonly sid: string
  readonly clientSecret: string
  readonly userId: UserId
}

export type BindOutcome =
  | { readonly kind: 'bound'; readonly threepid: ThirdPartyId }
  | { readonly kind: 'unvalidated' }
  /** The identity server's own error, such as terms not agreed to or an unknown token, to be passed on. Both texts are bounded in length. */
  | { readonly kind: 'refused'; readonly errcode: string; readonly error: string }
  | IdentityServerFailure

export interface UnbindRequest {
  readonly idServer: string
  readonly threepid: ThirdPartyId
  readonly userId: UserId
}

/** `no-support`: the identity server did not (or could not be asked to) remove it. The specification knows no third answer. */
export type UnbindOutcome = 'success' | 'no-support'

/**
 * Publishes the user of an address at an identity server, and withdraws it (`/3pid/bind`, `/3pid/unbind` signed by this homeserver).
 * Never throws.
 */
export interface IdentityServerBindings {
  bind(request: BindRequest): Promise<BindOutcome>
  unbind(request: UnbindRequest): Promise<UnbindOutcome>
}

export interface EmailTokenRequest {
  readonly idServer: string
  /** The same as in `BindRequest`. */
  readonly accessToken: string | undefined
  readonly email: string
  readonly clientSecret: string
  readonly sendAttempt: number
  readonly nextLink: string | undefined
}

export type EmailTokenOutcome =
  | { readonly kind: 'sent'; readonly sid: string }
  | { readonly kind: 'refused'; readonly errcode: string; readonly error: string }
  | IdentityServerFailure

/** Asks an identity server to send the mail (`/validate/email/requestToken`), for homeservers that send none. Never throws. */
export interface IdentityServerMails {
  requestEmailToken(request: EmailTokenRequest): Promise<EmailTokenOutcome>
}

export interface AddressLookup {
  readonly idServer: string
  /** The same as in `BindRequest`. */
  readonly accessToken: string | undefined
  readonly threepid: ThirdPartyId
}

export interface InviteToStore extends AddressLookup {
  readonly roomId: RoomId
  readonly sender: UserId
  /** The facts of room and sender that the mail may tell (identity service API, `/store-invite`). */
  readonly about: JsonObject
}

interface Refused {
  readonly kind: 'refused'
  readonly errcode: string
  readonly error: string
}

export type LookupOutcome =
  | { readonly kind: 'found'; readonly userId: UserId }
  | { readonly kind: 'unknown' }
  | Refused
  | IdentityServerFailure

export type StoredInvite =
  | {
      readonly kind: 'stored'
      readonly token: string
      readonly displayName: string
      readonly keys: readonly { readonly publicKey: string; readonly validityUrl: string | undefined }[]
    }
  | Refused
  | IdentityServerFailure

/** Invites of people of whom only an address is known. Never throws. */
export interface IdentityServerInviting {
  lookup(request: AddressLookup): Promise<LookupOutcome>
  storeInvite(request: InviteToStore): Promise<StoredInvite>
  isKeyValid(publicKey: string, validityUrl: string): Promise<boolean>
}
