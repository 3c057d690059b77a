import { CONSENT_MS, Consents, isLoopback, type KeptConsent, OAuthClients } from '#domain'
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

const MOST_CONSENTS = 200_000
const MOST_CONSENTS_OF_USER = 100

/** Builds the memory of consents, which is in the database alone too. Where there are too many, the oldest go, and their apps have to ask again. */
export const buildConsents = ({ shortLived, clock }: Ground): Consents =>
  new Consents({
    table: shortLived.table<KeptConsent>('oauth-consent', {
      lifetimeMs: CONSENT_MS,
      rows: MOST_CONSENTS,
      rowsOfOwner: MOST_CONSENTS_OF_USER,
    }),
    clock,
  })
