import type { JsonObject, UserId } from '#spec'

/** An address that somebody has proved to have, and with which credentials of a validation. */
export interface AddressFact {
  readonly medium: 'email' | 'msisdn'
  readonly address: string
  readonly validatedAtMs: number
  readonly creds: { readonly sid: string; readonly clientSecret: string; readonly idServer?: string | undefined }
  /** Whether the validation is one of this server, and is used up with the operation. */
  readonly own: boolean
}

/** A person at a provider of identities. */
export interface IdentityFact {
  readonly providerId: string
  readonly providerName: string
  readonly subject: string
  readonly localpart: string
  readonly displayName?: string | undefined
  readonly verifiedEmail?: string | undefined
}

/** The finding of a passed stage, for the operation. */
export type StageFact =
  /** Somebody has proved to be this user. */
  | { readonly kind: 'user'; readonly userId: UserId }
  | { readonly kind: 'registrationToken'; readonly token: string }
  | { readonly kind: 'address'; readonly address: AddressFact }
  | { readonly kind: 'identity'; readonly identity: IdentityFact }
  /** The members of the account that is to be made. */
  | { readonly kind: 'account'; readonly members: JsonObject }

/** The passed stages in order, each with its fact. */
export type StageFacts = ReadonlyMap<string, StageFact | undefined>

type FactOf<Kind extends StageFact['kind']> = Extract<StageFact, { readonly kind: Kind }>

/** The first fact of a kind, only of the named stages if any are named. */
export const factIn = <Kind extends StageFact['kind']>(
  facts: StageFacts,
  kind: Kind,
  types?: readonly string[],
): FactOf<Kind> | undefined => {
  for (const [type, fact] of facts) {
    if (fact?.kind === kind && (types === undefined || types.includes(type))) return fact as FactOf<Kind>
  }
  return undefined
}
