import { operatorEndpoints } from '#api'
import type { Reports } from '#domain'
import type { AnyEndpoint } from '#http'
import type { BuiltAccounts } from './accounts.ts'
import { type BuiltAuditLog, buildPeopleView } from './admin.ts'
import type { BuiltRoomAdmin } from './administration.ts'
import type { BuiltAppServices } from './appservices.ts'
import type { BuiltFederation } from './federation.ts'
import type { BuiltFederationOut } from './federation-out.ts'
import type { Ground } from './ground.ts'
import { buildNotices } from './notices.ts'
import type { Personal } from './personal.ts'
import type { RoomsDomain } from './rooms.ts'

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
    roomList: administration.api.rooms.list,
    roomDetails: administration.api.rooms.details,
    blockedRooms: administration.api.rooms.blocked,
  })
}
