import { isLoopback, OAuthClients } from '#domain'
import { writers } from '#store'
import type { Ground } from '../ground/ground.ts'

/** Clients are in the database alone, so each who needs them may build them. */
export const oauthClientsOf = ({ config, store, clock, random }: Ground): OAuthClients => {
  const issuer = URL.parse(config.server.publicBaseUrl ?? '')
  return new OAuthClients({
    ...{ clock, random, commit: store.commit },
    reader: store.oauthClients,
    writer: writers.oauthClients,
    triedOut: issuer !== null && isLoopback(issuer),
  })
}
