import { type Edus, OthersEdus } from '#domain'
import type { LabelledReading, RequestSignatures } from '#http'
import { destinationReadings, FederationOut, PresenceOut, ReceiptsOut, signedEvents, TypingOut } from '#outbox'
import { type LeasedWork, writers } from '#store'
import type { Streams } from '#streams'
import type { BuiltFederation } from '../federation/federation.ts'
import type { Ground } from '../ground/ground.ts'
import type { Personal } from '../personal/personal.ts'

export interface BuiltFederationOut {
  readonly out: FederationOut
  /** Tells the sending of each server that signed a request: it is there. */
  readonly signatures: RequestSignatures
  readonly readings: readonly LabelledReading[]
  /** By the names of leases; none where federation is off. */
  readonly work: Readonly<Record<string, LeasedWork>>
}

/** Builds the sending to other homeservers. Does not start it. */
export const buildFederationOut = (
  { config, store, clock, random, logger, signingKey }: Ground,
  streams: Streams,
  { requests, signatures }: BuiltFederation,
  { typing, presence }: Pick<Personal, 'typing' | 'presence'>,
): BuiltFederationOut => {
  const own = config.server.name
  const { rooms, receipts } = store
  const shared = { own, clock, logger, streams, rooms }
  const presenceOut = new PresenceOut({ ...shared, presence })
  const out = new FederationOut({
    own,
    ...{ clock, random, logger, streams, requests },
    store: {
      reader: signedEvents(store.federationOut, signingKey, clock),
      ...{ writer: writers.federationOut, commit: store.commit, rooms: store.rooms },
    },
    sources: [
      new TypingOut({ ...shared, typing }),
      new ReceiptsOut({ ...shared, receipts }),
      ...(config.presence.enabled && config.presence.federation ? [presenceOut] : []),
    ],
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
    readings: destinationReadings(
      () => out.statuses(),
      () => clock.nowMs(),
    ),
    work: config.federation.enabled ? { 'federation-out': out } : {},
  }
}

/** Has typing, receipts and presence of users of other servers taken. */
export const takePassingEdus = (
  { store, clock, logger }: Ground,
  edus: Edus,
  { typing, presence }: Pick<Personal, 'typing' | 'presence'>,
): void => {
  const { rooms, commit } = store
  const others = new OthersEdus({ clock, logger, typing, presence, rooms, receipts: writers.receipts, commit })
  edus.on('m.typing', (_origin, content) => others.typing(content), { volatile: true })
  edus.on('m.receipt', (_origin, content) => others.receipts(content), { volatile: true })
  edus.on('m.presence', (_origin, content) => others.presence(content), { volatile: true })
}
