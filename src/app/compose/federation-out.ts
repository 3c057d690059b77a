import type { RequestSignatures } from '#http'
import { FederationOut } from '#outbox'
import { type LeasedWork, writers } from '#store'
import type { Streams } from '#streams'
import type { BuiltFederation } from './federation.ts'
import type { Ground } from './ground.ts'

export interface BuiltFederationOut {
  readonly out: FederationOut
  /** Tells the sending of each server that signed a request: it is there. */
  readonly signatures: RequestSignatures
  /** By the names of leases; none where federation is off. */
  readonly work: Readonly<Record<string, LeasedWork>>
}

/** Builds the sending to other homeservers. Does not start it. */
export const buildFederationOut = (
  { config, store, clock, random, logger }: Ground,
  streams: Streams,
  { requests, signatures }: BuiltFederation,
): BuiltFederationOut => {
  const out = new FederationOut({
    own: config.server.name,
    ...{ clock, random, logger, streams, requests },
    store: { reader: store.federationOut, writer: writers.federationOut, commit: store.commit, rooms: store.rooms },
    sources: [],
  })
  return {
    out,
    signatures: {
      signerOf: async (request) => {
        const server = await signatures.signerOf(request)
        out.heard(server.serverName)
        return server
      },
    },
    work: config.federation.enabled ? { 'federation-out': out } : {},
  }
}
