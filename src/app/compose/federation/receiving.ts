import type { CacheStats } from '#base'
import {
  CheckPdus,
  CompleteRooms,
  Edus,
  ExaminePdus,
  type ExaminePdusParts,
  FetchEvents,
  FillGap,
  GuestAccess,
  type GuestAccessParts,
  MissingStates,
  OtherPulls,
  PolicyServers,
  PullMemory,
  ReceiveTransactions,
  type RoomGraph,
  ServerAcls,
  SignRequests,
  StagedEdus,
  StagedRooms,
  TakeEvents,
  transactionForgetting,
  type WholeRooms,
} from '#domain'
import type { RoomId } from '#spec'
import { type LeasedWork, writers } from '#store'
import type { Ground } from '../ground/ground.ts'
import type { BuiltFederation } from './federation.ts'

/** The parts that look at what other servers send, and get more from them. */
export interface Incoming {
  readonly acls: ServerAcls
  readonly check: CheckPdus
  readonly fetch: FetchEvents
  readonly edus: Edus
  readonly pulls: PullMemory
  readonly others: OtherPulls
  readonly policy: PolicyServers
  /** undefined: this server is no policy server. */
  readonly signRequests: SignRequests | undefined
  caches(): readonly CacheStats[]
}

export const buildIncoming = (
  { store, clock, logger, bans, ownPolicyServer: own }: Ground,
  { requests, keyRing }: Pick<BuiltFederation, 'requests' | 'keyRing'>,
): Incoming => {
  const acls = new ServerAcls({ reader: store.rooms })
  const check = new CheckPdus({ signatures: keyRing, clock })
  const fetch = new FetchEvents({ requests, check })
  const edus = new Edus({ acls, logger })
  const pulls = new PullMemory({ reader: store.failedPulls, writer: writers.failedPulls, commit: store.commit, clock })
  const others = new OtherPulls(clock)
  const policy = new PolicyServers({ requests, reader: store.rooms, own, clock, logger })
  const signRequests = own === undefined ? undefined : new SignRequests({ own, rooms: store.rooms, acls, bans })
  const caches = () => [acls.stats(), others.stats()]
  return { acls, check, fetch, edus, pulls, others, policy, signRequests, caches }
}

export interface Receiving extends Pick<Incoming, 'signRequests'> {
  readonly transactions: ReceiveTransactions
  readonly work: Readonly<Record<string, LeasedWork>>
}

/** Builds the way of transactions into rooms. Does not start it. */
export const buildReceiving = (
  { config, store, clock, logger }: Ground,
  { acls, check, fetch, edus, pulls, others, policy, signRequests }: Incoming,
  { graph, memberships: guests }: { readonly graph: RoomGraph; readonly memberships: GuestAccessParts['guests'] },
  {
    outsideEnds: outside,
    joins,
    wholeRooms,
  }: { outsideEnds: ExaminePdusParts['outside']; joins: ExaminePdusParts['joins']; wholeRooms: WholeRooms },
): Receiving => {
  const { commit, rooms: reader, stagedTransactions } = store
  const writer = writers.stagedTransactions
  const serverName = config.server.name
  const known = reader.graphEvents
  const states = new MissingStates({ fetch, graph, known })
  const gaps = new FillGap({
    ...{ fetch, graph, known, pulls, reader, others },
    states,
    newest: async ({ room }) => ((await reader.room(room))?.extremities ?? []).map(({ eventId }) => eventId),
  })
  const take = new TakeEvents({
    reader,
    check,
    graph: new GuestAccess({ graph, guests }),
    gaps,
    policy,
    serverName,
    clock,
    logger,
  })
  const waits = (roomId: RoomId) => wholeRooms.isPartial(roomId)
  const stagedRooms = new StagedRooms({ reader: stagedTransactions, writer, commit, take, waits, clock, logger })
  const completing = new CompleteRooms({
    ...{ reader, states, graph, serverName, clock, logger },
    writing: { writer: writers.rooms, commit },
    ended: (roomId) => {
      wholeRooms.completed(roomId)
      stagedRooms.resume(roomId)
    },
  })
  wholeRooms.whenBegun(() => completing.hurry())
  const stagedEdus = new StagedEdus({ reader: stagedTransactions, writer, commit, clock, logger, edus })
  const examine = new ExaminePdus({ reader, acls, outside, joins, queue: stagedRooms, serverName, clock })
  return {
    signRequests,
    transactions: new ReceiveTransactions({
      ...{ reader: stagedTransactions, writer, commit, clock, edus, stagedEdus },
      rooms: {
        examine: (origin, pdus) => examine.examine(origin, pdus),
        staged: (pdus) => stagedRooms.staged(pdus),
      },
    }),
    work: {
      'staged-rooms': stagedRooms,
      'complete-rooms': completing,
      'staged-edus': stagedEdus,
      'failed-pulls': pulls.sweep(logger),
      'received-transactions': transactionForgetting({ writer, commit, clock, logger }),
    },
  }
}
