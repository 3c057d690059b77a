import type { AuthorizationSecrets, ProvenIdentity } from '#net'
import type { ClaimTemplates } from './identity.ts'

/** The protocol with one provider; `OpenIdProvider` of `#net`. Both throw `ProviderFailure`. */
export interface ProviderClient {
  /** `again`: the person has to authenticate anew even if they are logged in at the provider. */
  authorizationUri(secrets: AuthorizationSecrets, again: boolean): Promise<string>
  identify(query: URLSearchParams, secrets: AuthorizationSecrets): Promise<ProvenIdentity>
}

/** A server that sends browsers back with a ticket instead of a `state` and a code; `CasServer` of `#net`. Throws `ProviderFailure`. */
export interface TicketServer {
  loginUri(service: string, again: boolean): string
  identify(ticket: string, service: string, again: boolean): Promise<ProvenIdentity>
}

/** A configured provider of identities. */
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

/** Whether the provider issues tickets (CAS), and so has no OAuth 2.0. */
export const givesTickets = (
  provider: SignInProvider,
): provider is SignInProvider & { readonly client: TicketServer } => isTicketServer(provider.client)

export const isTicketServer = (client: SignInProvider['client']): client is TicketServer => 'loginUri' in client
