import type { AuthorizationSecrets, ProvenIdentity } from '#net'
import type { ClaimTemplates } from './identity.ts'

/** The protocol with one provider; `OpenIdProvider` of `#net`. Both throw `ProviderFailure`. */
export interface ProviderClient {
  /** `again`: the person shall prove it anew, even where they are logged in there. */
  authorizationUri(secrets: AuthorizationSecrets, again: boolean): Promise<string>
  identify(query: URLSearchParams, secrets: AuthorizationSecrets): Promise<ProvenIdentity>
}

/** A server that sends browsers back with a ticket instead of a `state` and a code; `CasServer` of `#net`. Throws `ProviderFailure`. */
export interface TicketServer {
  loginUri(service: string, again: boolean): string
  identify(ticket: string, service: string, again: boolean): Promise<ProvenIdentity>
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
  /** Whether new people choose the name of their account. */
  readonly chooseUserName: boolean
  /** The rule by which an existing account is linked to an identity. */
  readonly linkExisting: 'never' | 'localpart' | 'verifiedEmail'
  readonly client: ProviderClient | TicketServer
}

/** Whether it gives out tickets (CAS), and so serves no stage of OAuth 2.0. */
export const givesTickets = (
  provider: SignInProvider,
): provider is SignInProvider & { readonly client: TicketServer } => isTicketServer(provider.client)

export const isTicketServer = (client: SignInProvider['client']): client is TicketServer => 'loginUri' in client
