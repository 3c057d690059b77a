import { operatorEndpoints } from '#api'
import type { Reports } from '#domain'
import type { AnyEndpoint } from '#http'
import type { BuiltAccounts } from '../accounts/accounts.ts'
import type { BuiltFederation } from '../federation/federation.ts'
import type { Ground } from '../ground/ground.ts'
import type { BuiltAppServices } from '../outbox/appservices.ts'
import type { BuiltFederationOut } from '../outbox/federation-out.ts'
import type { Personal } from '../personal/personal.ts'
import type { RoomsDomain } from '../rooms/rooms.ts'
import { manageBlockedServers } from './abuse.ts'
import { type BuiltAuditLog, buildPeopleView } from './admin.ts'
import type { BuiltRoomAdmin } from './administration.ts'
import { buildNotices } from './notices.ts'

interface OperatorParts {
  readonly ground: Ground
  readonly accounts: BuiltAccounts
  readonly audit: BuiltAuditLog
  readonly personal: Personal
  readonly appServices: BuiltAppServices
  readonly rooms: RoomsDomain
  readonly reports: Reports
  readonly federation: BuiltFederation
  readonly sending: BuiltFederationOut
  readonly administration: BuiltRoomAdmin
}

/** Builds the commands of whoever runs the server. */
export const buildOperatorChannel = (parts: OperatorParts): readonly AnyEndpoint[] => {
  const { ground, accounts, audit, personal, appServices, rooms, reports, federation, sending, administration } = parts
  return operatorEndpoints({
    ...accounts.administration,
    auditLog: audit.auditLog,
    peopleView: buildPeopleView(ground, personal),
    appServices: appServices.states,
    reports,
    sendNotice: buildNotices(ground, accounts, rooms),
    serverCheck: federation.serverCheck,
    sending: sending.out,
    ...administration,
    blockedServers: manageBlockedServers(ground, audit),
    roomList: administration.api.rooms.list,
    roomDetails: administration.api.rooms.details,
    blockedRooms: administration.api.rooms.blocked,
  })
}
