import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import { startFederation } from '../../../support/federation-servers.ts'
import type { DatabaseKind } from '../../../support/homeserver.ts'

export interface PeerOptions {
  readonly settings?: Record<string, Record<string, unknown>>
  readonly database?: DatabaseKind
}

/** One Homeroom, and a server that a test plays. */
export const withPeer = async ({ settings = {}, database = 'sqlite' }: PeerOptions = {}) => {
  const peer = await FederationPeer.start()
  const others = [{ serverName: peer.name, address: peer.address }]
  const servers = await startFederation({ names: ['first.example'], others, settings, database })
  peer.knows('first.example', servers.places[0]?.address ?? '')
  return {
    peer,
    server: servers.at(0),
    [Symbol.asyncDispose]: async () => {
      await servers[Symbol.asyncDispose]()
      await peer[Symbol.asyncDispose]()
    },
  }
}
