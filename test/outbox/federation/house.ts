import { vi } from 'vitest'
import { type Clock, silentLogger, systemRandom } from '#base'
import { FederationFailure, type FederationRequest } from '#net'
import { FederationOut } from '#outbox'
import type { JsonValue, ServerName, UserId } from '#spec'
import { type Store, StoreUnavailable, writers } from '#store'
import { InProcessBus, Streams } from '#streams'
import { ALICE, applyTo, createRoom, member, message, type TestRoom } from '../../contract/room-fixtures.ts'

/** Waits until a check holds. */
export const eventually = (check: () => unknown): Promise<unknown> =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 })

export const OWN = 'localhost' as ServerName

/** A request that reached a server. */
export interface SentTransaction {
  readonly to: ServerName
  readonly txnId: string
  readonly text: string
  readonly pdus: readonly string[]
  readonly edus: readonly JsonValue[]
}

type Behaviour = (sent: SentTransaction) => JsonValue | Promise<JsonValue>

/** Other servers, which do what a test says. */
export class Network {
  readonly sent: SentTransaction[] = []
  readonly #behaviours = new Map<ServerName, Behaviour>()

  does(server: ServerName, behaviour: Behaviour): void {
    this.#behaviours.set(server, behaviour)
  }

  works(server: ServerName): void {
    this.#behaviours.delete(server)
  }

  fails(server: ServerName, status?: number, retryAfterMs?: number): void {
    this.does(server, () => {
      throw new FederationFailure({
        destination: server,
        kind: status === undefined ? 'unreachable' : 'refused',
        reason: 'as the test wants it',
        status,
        retryAfterMs,
      })
    })
  }

  /** What an event says, for each event that a server was sent, in order, as often as it was. */
  saidTo(server: ServerName): readonly string[] {
    return this.to(server).flatMap(({ pdus }) => pdus)
  }

  to(server: ServerName): readonly SentTransaction[] {
    return this.sent.filter(({ to }) => to === server)
  }

  async json(to: ServerName, request: FederationRequest): Promise<JsonValue> {
    const { pdus, edus = [], ...rest } = JSON.parse(request.bodyJson ?? '')
    if (rest.origin !== OWN || typeof rest.origin_server_ts !== 'number') throw new Error('no transaction')
    const txnId = request.path.split('/').at(-1) ?? ''
    const said = pdus.map(({ content }: { content: { body: string } }) => content.body)
    const sent = { to, txnId, text: request.bodyJson ?? '', pdus: said, edus }
    this.sent.push(sent)
    await Promise.resolve()
    return this.#behaviours.get(to)?.(sent) ?? { pdus: {} }
  }
}

type OutParts = ConstructorParameters<typeof FederationOut>[0]

export interface OutSetup {
  /** Default: that of the store. */
  readonly reader?: OutParts['store']['reader']
  readonly rooms?: OutParts['store']['rooms']
  readonly sources?: (streams: Streams) => OutParts['sources']
}

/** A database that cannot be read as long as a test says so. */
export class Readable {
  isRead = true

  /** The reader, of which that method fails meanwhile. */
  of<Name extends string, Reader extends Readonly<Record<Name, (...asked: never[]) => Promise<unknown>>>>(
    reader: Reader,
    name: Name,
  ): Reader {
    const read = (...asked: never[]): Promise<unknown> =>
      this.isRead
        ? reader[name](...asked)
        : Promise.reject(new StoreUnavailable('disconnected', 'as the test wants it'))
    return { ...reader, [name]: read }
  }
}

/** The sending of one process over a store. */
export const openOut = async (
  store: Store,
  network: Network,
  clock: Clock,
  { reader = store.federationOut, rooms = store.rooms, sources = () => [] }: OutSetup = {},
): Promise<FederationOut> => {
  const bus = new InProcessBus()
  const streams = new Streams({
    ...{ clock, bus },
    durable: await store.positions(),
    readDurable: () => store.positions(),
    roomsAround: store.rooms.roomsAround,
    process: 1,
  })
  store.onCommitted(({ announcements: news, before, positions }) =>
    bus.publish({ kind: 'committed', before, positions, news }),
  )
  return new FederationOut({
    own: OWN,
    ...{ clock, streams },
    random: systemRandom,
    logger: silentLogger,
    requests: network,
    store: { reader, writer: writers.federationOut, commit: store.commit, rooms },
    sources: sources(streams),
  })
}

export const userOf = (server: ServerName): UserId => `@someone:${server}` as UserId

export const roomWith = async (store: Store, ...servers: readonly ServerName[]): Promise<TestRoom> => {
  const room = await createRoom(store)
  const joins = servers.map((server) =>
    member(userOf(server), 'join', { sender: userOf(server), json: saying('join') }),
  )
  if (joins.length > 0) await applyTo(store, room, joins)
  return room
}

export const saying = (body: string): string => JSON.stringify({ content: { body } })

export const say = async (store: Store, room: TestRoom, ...bodies: readonly string[]): Promise<void> => {
  for (const body of bodies) await applyTo(store, room, [message({ sender: ALICE, json: saying(body) })])
}

export const sayAtOnce = async (store: Store, room: TestRoom, bodies: readonly string[]): Promise<void> => {
  await applyTo(
    store,
    room,
    bodies.map((body) => message({ sender: ALICE, json: saying(body) })),
  )
}
