import type { Pdu } from '#spec'
import type { Json, TestClient } from '../../../support/client.ts'
import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import type { PeerDraft, PeerEvent, PeerRoom } from '../../../support/federation-peer/peer-room.ts'
import { serveRoom } from '../../../support/federation-peer/resident.ts'
import { joinRoom } from '../../../support/federation-peer/visitor.ts'
import { type FederationSetup, startFederation } from '../../../support/federation-servers.ts'
import type { TestHomeserver } from '../../../support/homeserver.ts'

export const HERE = 'first.example'

export interface SceneSetup extends FederationSetup {
  /** Names of the peers; the first one joins the room. */
  readonly peers?: readonly string[]
  /** What the room is made with. */
  readonly room?: Readonly<Record<string, unknown>>
}

/** A homeserver with a room of Alice's, and peers, of which the first is in the room. */
export interface Scene extends AsyncDisposable {
  readonly server: TestHomeserver
  readonly alice: TestClient
  readonly roomId: string
  /** The room as the peer knows it. */
  readonly room: PeerRoom
  readonly peer: FederationPeer
  readonly peers: readonly FederationPeer[]
  readonly address: string
}

export const openScene = async ({
  peers: names = ['peer.example'],
  room: made = {},
  ...setup
}: SceneSetup = {}): Promise<Scene> => {
  const peers = await Promise.all(names.map((name) => FederationPeer.start({ name })))
  const others = peers.map(({ name, address }) => ({ serverName: name, address }))
  const federation = await startFederation({ names: [HERE], ...setup, others })
  const server = federation.at(0)
  const address = federation.places[0]?.address ?? ''
  for (const peer of peers) peer.knows(HERE, address)
  const alice = await server.register('alice')
  const roomId = await alice.createRoom({ preset: 'public_chat', ...made })
  const [peer] = peers
  if (peer === undefined) throw new Error('no peer')
  const room = await joinRoom(peer, HERE, roomId)
  serveRoom(peer, room)
  const dispose = async (): Promise<void> => {
    await federation[Symbol.asyncDispose]()
    for (const each of peers) await each[Symbol.asyncDispose]()
  }
  return { server, alice, roomId, room, peer, peers, address, [Symbol.asyncDispose]: dispose }
}

export const text = (body: string, more: Partial<PeerDraft> = {}): PeerDraft => ({
  type: 'm.room.message',
  content: { msgtype: 'm.text', body },
  ...more,
})

/** The peer's room knows the event, and it is sent. Answers with what was said of it: `{}`, `{ error }`, or undefined. */
export const sendEvents = async (
  { peer }: Pick<Scene, 'peer'>,
  events: readonly (PeerEvent | Pdu)[],
): Promise<Json> => {
  const answer = await peer.sendTransaction(
    HERE,
    events.map((event) => (event as PeerEvent | null)?.pdu ?? event) as never,
  )
  if (answer.status !== 200) throw new Error(`the transaction was answered ${answer.status}: ${answer.text}`)
  return answer.body.pdus
}

/** Bodies of the room's messages as the user sees them, oldest first. */
export const bodiesIn = async (user: TestClient, roomId: string): Promise<readonly string[]> => {
  const page = await user.ok('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages`, {
    query: { dir: 'b', limit: 100 },
  })
  return page.chunk
    .filter((event: Json) => event.type === 'm.room.message' && event.content.body !== undefined)
    .map((event: Json) => event.content.body)
    .reverse()
}

/** Waits until the answer holds; what comes over federation comes in its own time. */
export const until = async <Value>(
  ask: () => Promise<Value>,
  holds: (value: Value) => boolean,
  withinMs = 15_000,
): Promise<Value> => {
  const end = performance.now() + withinMs
  for (;;) {
    const value = await ask()
    if (holds(value)) return value
    if (performance.now() > end)
      throw new Error(`not within ${withinMs} ms; last: ${JSON.stringify(value)?.slice(0, 2_000)}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

export const untilBody = (user: TestClient, roomId: string, body: string): Promise<readonly string[]> =>
  until(
    () => bodiesIn(user, roomId),
    (bodies) => bodies.includes(body),
  )

/** Requests of one kind that the peer got. */
export const askedFor = ({ received }: FederationPeer, part: string): readonly string[] =>
  received.filter(({ path }) => path.includes(part)).map(({ path }) => decodeURIComponent(path))
