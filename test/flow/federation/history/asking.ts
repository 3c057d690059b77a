import { POSTGRES } from '../../../contract/databases.ts'
import type { TestClient } from '../../../support/client.ts'
import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import type { PeerAnswer } from '../../../support/federation-peer/requests.ts'
import { FederationServers, type FederationSetup } from '../../../support/federation-servers.ts'
import type { DatabaseKind, TestHomeserver } from '../../../support/homeserver.ts'

/** Those that are there. */
export const DATABASES: readonly DatabaseKind[] = POSTGRES === undefined ? ['sqlite'] : ['sqlite', 'postgres']

export const HOME = 'first.example'

/** A homeserver and peers of the tests that reach each other. */
export interface Asking {
  readonly home: TestHomeserver
  readonly peer: FederationPeer
  /** A signed `GET` of the peer, below `/_matrix/federation/v1`. */
  ask(path: string): Promise<PeerAnswer>
  [Symbol.asyncDispose](): Promise<void>
}

export const startAsking = async (
  setup: Pick<FederationSetup, 'settings' | 'database' | 'setup'> = {},
  more: readonly FederationPeer[] = [],
): Promise<Asking> => {
  const peer = await FederationPeer.start()
  const peers = [peer, ...more]
  const others = peers.map(({ name, address }) => ({ serverName: name, address }))
  const servers = await FederationServers.start({ names: [HOME], others, ...setup })
  const [place] = servers.places
  if (place === undefined) throw new Error('no server has started')
  for (const one of peers) one.knows(HOME, place.address)
  return {
    home: servers.at(0),
    peer,
    ask: (path) => peer.request(HOME, { uri: `/_matrix/federation/v1${path}` }),
    [Symbol.asyncDispose]: async () => {
      await servers[Symbol.asyncDispose]()
      await Promise.all(peers.map((one) => one[Symbol.asyncDispose]()))
    },
  }
}

export const enc = encodeURIComponent

/** A room of that user, open to all. */
export const publicRoom = (user: TestClient, more: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  user.post('/v3/createRoom', { preset: 'public_chat', ...more }).then(({ room_id }) => room_id as string)
