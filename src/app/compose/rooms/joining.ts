import {
  type CheckPdus,
  Elsewhere,
  ExchangeElsewhere,
  InvitesIn,
  InvitesOut,
  JoinAnswers,
  type MemberAccounts,
  OutsideEnds,
  OutsideRooms,
  ReadJoinAnswers,
  RemoteMemberships,
  Residency,
  type RoomGraph,
  type Rooms,
  type ServerAcls,
  ServeTemplates,
  TakeHandshakes,
  ToldBranches,
  ToldRoomState,
  WholeRooms,
} from '#domain'
import type { FederationRequests } from '#net'
import type { EventId } from '#spec'
import { writers } from '#store'
import { buildBlockedRooms, type RoomsGround } from './rooms.ts'

/** The parts of federation that coming and going needs. */
export interface JoiningNeeds {
  readonly requests: FederationRequests
  readonly checks: CheckPdus
  readonly acls: ServerAcls
  readonly graph: RoomGraph
}

export interface BuiltJoining {
  readonly residency: Residency
  readonly outsideEnds: OutsideEnds
  readonly joins: Pick<Elsewhere, 'underWay'>
  readonly wholeRooms: WholeRooms
  readonly exchange: ExchangeElsewhere
  readonly otherServers: RemoteMemberships
  readonly api: {
    readonly serveTemplates: ServeTemplates
    readonly takeHandshakes: TakeHandshakes
    readonly joinAnswers: JoinAnswers
    readonly invitesIn: InvitesIn
    readonly toldRoomState: ToldRoomState
  }
}

/** Builds memberships across servers, in both directions. */
export const buildJoining = (
  ground: RoomsGround,
  rooms: Rooms,
  accounts: MemberAccounts,
  { requests, checks, acls, graph }: JoiningNeeds,
): BuiltJoining => {
  const { store, clock, random, logger, signingKey: key, serverName, bans } = ground
  const reader = store.rooms
  const filling = { clock, random, key }
  const residency = new Residency({ reader, acls, serverName })
  const told = new ToldRoomState({ reader })
  const outside = new OutsideRooms({
    ...{ checks, filling },
    reader: store.outsideRooms,
    writer: writers.outsideRooms,
    commit: store.commit,
  })
  const wholeRooms = new WholeRooms({ reader, clock, isOn: ground.partialJoins })
  const elsewhere = new Elsewhere({
    partial: wholeRooms,
    ...{ requests, residency, filling, graph, logger },
    answers: new ReadJoinAnswers({ checks, clock }),
  })
  const branches = new ToldBranches({ rooms, reader, serverName, clock, logger })
  const invites = new InvitesOut({ rooms, requests, graph, told })
  const forwarding = {
    forward: async (eventId: EventId) => {
      await store.commit([writers.federationOut.forward(eventId)])
    },
  }
  return {
    residency,
    joins: elsewhere,
    wholeRooms,
    outsideEnds: new OutsideEnds({ reader, outside, checks, serverName }),
    exchange: new ExchangeElsewhere({ requests, serverName }),
    otherServers: new RemoteMemberships({
      ...{ residency, elsewhere, outside, invites, reader, accounts, serverName, wholeRooms },
    }),
    api: {
      serveTemplates: new ServeTemplates({ rooms, residency, reader, serverName, bans }),
      takeHandshakes: new TakeHandshakes({ rooms, residency, reader, checks, graph, forwarding, key, bans }),
      joinAnswers: new JoinAnswers({ reader, graph, chains: reader, branches, serverName }),
      invitesIn: new InvitesIn({ residency, outside, checks, acls, accounts, key, blocked: buildBlockedRooms(ground) }),
      toldRoomState: told,
    },
  }
}
