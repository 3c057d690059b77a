import type { AuthorizationSecrets, ProvenIdentity } from '#net'
import type { ClaimTemplates } from './identity.ts'

/** The protocol with one provider; `OpenIdProvider` of `#net`. Both throw `ProviderFailure`. */
export interface ProviderClient {
  /** `again`: the person shall prove it anew, even where they are logged in there. */
  authorizationUri(secrets: AuthorizationSecrets, again: boolean): Promise<string>
  identify(query: URLSearchParams, secrets: AuthorizationSecrets): Promise<ProvenIdentity>
}

/** A provider of identities, as the operator set it up. */
export interface SignInProvider {
  readonly id: string
  readonly name: string
  readonly brand: string | undefined
  readonly icon: string | undefined
  readonly templates: ClaimTemplates
  /** Whether people without an account get one. */
  readonly allowRegistration: boolean
  /** Whether they choose its name. */
  readonly chooseUserName: boolean
  /** Which account that is there already becomes theirs. */
  readonly linkExisting: 'never' | 'localpart' | 'verifiedEmail'
  readonly client: ProviderClient
}
