import type { AnyEndpoint } from '#http'
import { type AdminRoute, adminEndpoint } from './guard.ts'
import type { PeoplePageDeps } from './people/people.ts'
import type { RegistrationsPageDeps } from './people/registrations.ts'
import type { MediaPageDeps } from './rooms/media.ts'
import type { ReportsPageDeps } from './rooms/reports.ts'
import type { RoomPageDeps } from './rooms/room.ts'
import type { RoomsPageDeps } from './rooms/rooms.ts'
import type { ServicesPageDeps } from './server/application-services.ts'
import type { AuditLogPageDeps } from './server/audit-log.ts'
import type { BanListsPageDeps } from './server/ban-lists.ts'
import type { BlockedServersPageDeps } from './server/blocked-servers.ts'
import type { FederationPageDeps } from './server/federation.ts'
import type { JobsPageDeps } from './server/jobs.ts'
import type { OverviewDeps } from './server/overview.ts'
import type { RegistrationTokensPageDeps } from './server/registration-tokens.ts'
import type { PageHandler, VisitDeps } from './visit.ts'

export type { Findings } from './server/federation.ts'

/** The needs of all administration pages. */
export type AdminPagesDeps = VisitDeps &
  OverviewDeps &
  PeoplePageDeps &
  RegistrationsPageDeps &
  RoomsPageDeps &
  RoomPageDeps &
  MediaPageDeps &
  AuditLogPageDeps &
  BanListsPageDeps &
  BlockedServersPageDeps &
  FederationPageDeps &
  ServicesPageDeps &
  JobsPageDeps &
  RegistrationTokensPageDeps &
  ReportsPageDeps

type Route = AdminRoute<AdminPagesDeps>
type Load = () => Promise<PageHandler<AdminPagesDeps>>
type About = Pick<Route, 'weighty' | 'costly' | 'formAbove'>

/** The routes of a section. Their code is loaded when somebody first asks for one of them. */
const section = (
  path: string,
  pages: Readonly<Record<string, Load>>,
  deeds: Readonly<Record<string, Load>> = {},
  about: Readonly<Record<string, About>> = {},
): readonly Route[] => [
  ...Object.entries(pages).map(([rest, load]) => ({
    method: 'GET' as const,
    path: `${path}${rest}`,
    section: path,
    load,
    ...about[rest],
  })),
  ...Object.entries(deeds).map(([rest, load]) => ({
    method: 'POST' as const,
    path: `${path}${rest}`,
    section: path,
    load,
    ...about[rest],
  })),
]

const PEOPLE_PAGES: Readonly<Record<string, Load>> = {
  '': async () => (await import('./people/people.ts')).people,
  '/csv': async () => (await import('./people/people.ts')).peopleCsv,
  '/new': async () => (await import('./people/people.ts')).newPerson,
  '/:userId': async () => (await import('./people/person.ts')).person,
  '/:userId/rooms': async () => (await import('./people/people.ts')).personRooms,
  '/:userId/rooms/csv': async () => (await import('./people/people.ts')).personRoomsCsv,
  '/:userId/quarantine-media': async () => (await import('./rooms/media.ts')).askQuarantinePerson,
  '/:userId/limits': async () => (await import('./people/person-limits.ts')).askLimits,
  '/:userId/password': async () => (await import('./people/person.ts')).askPassword,
  '/:userId/admin': async () => (await import('./people/person.ts')).askAdmin,
  '/:userId/deactivate': async () => (await import('./people/person.ts')).askDeactivate,
  '/:userId/redact': async () => (await import('./people/person.ts')).askRedact,
  '/:userId/reactivate': async () => (await import('./people/person.ts')).askReactivate,
}

const PEOPLE_DEEDS: Readonly<Record<string, Load>> = {
  '/new': async () => (await import('./people/people.ts')).makePerson,
  '/:userId/lock': async () => (await import('./people/person.ts')).lock,
  '/:userId/suspend': async () => (await import('./people/person.ts')).suspend,
  '/:userId/shadow-ban': async () => (await import('./people/person.ts')).shadowBan,
  '/:userId/limits': async () => (await import('./people/person-limits.ts')).setLimits,
  '/:userId/validity': async () => (await import('./people/person-limits.ts')).setValidity,
  '/:userId/type': async () => (await import('./people/person-limits.ts')).setType,
  '/:userId/profile': async () => (await import('./people/person.ts')).changeProfile,
  '/:userId/notice': async () => (await import('./people/person.ts')).sendNotice,
  '/:userId/sign-out': async () => (await import('./people/person.ts')).signOutEverywhere,
  '/:userId/devices/remove': async () => (await import('./people/person.ts')).removeDevice,
  '/:userId/addresses/add': async () => (await import('./people/person.ts')).addAddress,
  '/:userId/addresses/remove': async () => (await import('./people/person.ts')).removeAddress,
  '/:userId/quarantine-media': async () => (await import('./rooms/media.ts')).quarantinePerson,
  '/:userId/password': async () => (await import('./people/person.ts')).setPassword,
  '/:userId/admin': async () => (await import('./people/person.ts')).setAdmin,
  '/:userId/deactivate': async () => (await import('./people/person.ts')).deactivate,
  '/:userId/redact': async () => (await import('./people/person.ts')).redact,
  '/:userId/reactivate': async () => (await import('./people/person.ts')).reactivate,
}

const WEIGHTY: About = { weighty: true }
const COSTLY: About = { costly: true }

const PEOPLE_ABOUT: Readonly<Record<string, About>> = {
  '': COSTLY,
  '/csv': COSTLY,
  '/:userId/password': WEIGHTY,
  '/:userId/admin': WEIGHTY,
  // Whoever reads the mail of an address can set a new password.
  '/:userId/addresses/add': { weighty: true, formAbove: '/addresses/add' },
  '/:userId/deactivate': WEIGHTY,
  '/:userId/redact': WEIGHTY,
  '/:userId/reactivate': WEIGHTY,
}

const ROOM_PAGES: Readonly<Record<string, Load>> = {
  '': async () => (await import('./rooms/rooms.ts')).rooms,
  '/csv': async () => (await import('./rooms/rooms.ts')).roomsCsv,
  '/:roomId': async () => (await import('./rooms/room.ts')).room,
  '/:roomId/members': async () => (await import('./rooms/rooms.ts')).roomMembers,
  '/:roomId/members/csv': async () => (await import('./rooms/rooms.ts')).roomMembersCsv,
  '/:roomId/state': async () => (await import('./rooms/rooms.ts')).roomState,
  '/:roomId/state/csv': async () => (await import('./rooms/rooms.ts')).roomStateCsv,
  '/:roomId/changes': async () => (await import('./rooms/rooms.ts')).roomChanges,
  '/:roomId/changes/csv': async () => (await import('./rooms/rooms.ts')).roomChangesCsv,
  '/:roomId/media': async () => (await import('./rooms/media.ts')).roomMedia,
  '/:roomId/media/csv': async () => (await import('./rooms/media.ts')).roomMediaCsv,
  '/:roomId/quarantine-media': async () => (await import('./rooms/media.ts')).askQuarantineRoom,
  '/:roomId/purge': async () => (await import('./rooms/room.ts')).askPurge,
  '/:roomId/delete': async () => (await import('./rooms/room.ts')).askDelete,
  '/:roomId/moderator': async () => (await import('./rooms/room.ts')).askModerator,
}

const ROOM_DEEDS: Readonly<Record<string, Load>> = {
  '/:roomId/publish': async () => (await import('./rooms/room.ts')).publish,
  '/:roomId/block': async () => (await import('./rooms/room.ts')).block,
  '/:roomId/quarantine-media': async () => (await import('./rooms/media.ts')).quarantineRoom,
  '/:roomId/purge': async () => (await import('./rooms/room.ts')).purge,
  '/:roomId/delete': async () => (await import('./rooms/room.ts')).deleteRoom,
  '/:roomId/moderator': async () => (await import('./rooms/room.ts')).giveModerator,
}

const ROOM_ABOUT: Readonly<Record<string, About>> = {
  '': COSTLY,
  '/csv': COSTLY,
  '/:roomId/media': COSTLY,
  '/:roomId/media/csv': COSTLY,
  '/:roomId/purge': WEIGHTY,
  '/:roomId/delete': WEIGHTY,
}

const MEDIA_PAGES: Readonly<Record<string, Load>> = {
  '': async () => (await import('./rooms/media.ts')).media,
  '/csv': async () => (await import('./rooms/media.ts')).mediaCsv,
  '/old': async () => (await import('./rooms/media.ts')).askOld,
  '/cache': async () => (await import('./rooms/media.ts')).askCache,
  '/:mediaId': async () => (await import('./rooms/media.ts')).oneMedia,
  '/:mediaId/delete': async () => (await import('./rooms/media.ts')).askDeleteMedia,
}

const MEDIA_DEEDS: Readonly<Record<string, Load>> = {
  '/old': async () => (await import('./rooms/media.ts')).deleteOld,
  '/cache': async () => (await import('./rooms/media.ts')).purgeCache,
  '/:mediaId/quarantine': async () => (await import('./rooms/media.ts')).quarantine,
  '/:mediaId/protect': async () => (await import('./rooms/media.ts')).protect,
  '/:mediaId/delete': async () => (await import('./rooms/media.ts')).deleteMedia,
}

const MEDIA_ABOUT: Readonly<Record<string, About>> = {
  '': COSTLY,
  '/csv': COSTLY,
  '/old': WEIGHTY,
  '/:mediaId/delete': WEIGHTY,
}

const ROUTES: readonly Route[] = [
  ...section(
    '/admin',
    { '': async () => (await import('./server/overview.ts')).overview },
    { '/sign-out': async () => (await import('./server/sign-out.ts')).signOut },
  ),
  ...section('/admin/people', PEOPLE_PAGES, PEOPLE_DEEDS, PEOPLE_ABOUT),
  ...section('/admin/rooms', ROOM_PAGES, ROOM_DEEDS, ROOM_ABOUT),
  ...section('/admin/media', MEDIA_PAGES, MEDIA_DEEDS, MEDIA_ABOUT),
  ...section(
    '/admin/reports',
    {
      '': async () => (await import('./rooms/reports.ts')).reports,
      '/csv': async () => (await import('./rooms/reports.ts')).reportsCsv,
      '/:report': async () => (await import('./rooms/reports.ts')).report,
    },
    { '/:report/remove': async () => (await import('./rooms/reports.ts')).removeReport },
  ),
  ...section(
    '/admin/registrations',
    {
      '': async () => (await import('./people/registrations.ts')).registrations,
      '/csv': async () => (await import('./people/registrations.ts')).registrationsCsv,
      '/refuse': async () => (await import('./people/registrations.ts')).askRefuseRegistration,
    },
    {
      '/approve': async () => (await import('./people/registrations.ts')).approveRegistration,
      '/refuse': async () => (await import('./people/registrations.ts')).refuseRegistration,
    },
  ),
  ...section(
    '/admin/registration-tokens',
    {
      '': async () => (await import('./server/registration-tokens.ts')).registrationTokens,
      '/csv': async () => (await import('./server/registration-tokens.ts')).registrationTokensCsv,
    },
    {
      '': async () => (await import('./server/registration-tokens.ts')).makeRegistrationToken,
      '/revoke': async () => (await import('./server/registration-tokens.ts')).revokeRegistrationToken,
    },
  ),
  ...section(
    '/admin/ban-lists',
    {
      '': async () => (await import('./server/ban-lists.ts')).banLists,
      '/csv': async () => (await import('./server/ban-lists.ts')).banListsCsv,
      '/:roomId': async () => (await import('./server/ban-lists.ts')).banList,
      '/:roomId/csv': async () => (await import('./server/ban-lists.ts')).banListCsv,
    },
    {
      '': async () => (await import('./server/ban-lists.ts')).obeyList,
      '/remove': async () => (await import('./server/ban-lists.ts')).disobeyList,
    },
  ),
  ...section(
    '/admin/blocked-servers',
    {
      '': async () => (await import('./server/blocked-servers.ts')).blockedServers,
      '/csv': async () => (await import('./server/blocked-servers.ts')).blockedServersCsv,
    },
    {
      '': async () => (await import('./server/blocked-servers.ts')).blockServer,
      '/remove': async () => (await import('./server/blocked-servers.ts')).unblockServer,
    },
  ),
  ...section(
    '/admin/federation',
    {
      '': async () => (await import('./server/federation.ts')).federation,
      '/csv': async () => (await import('./server/federation.ts')).federationCsv,
      '/:server': async () => (await import('./server/federation.ts')).server,
      '/:server/rooms': async () => (await import('./server/federation.ts')).serverRooms,
      '/:server/rooms/csv': async () => (await import('./server/federation.ts')).serverRoomsCsv,
    },
    {
      '/check': async () => (await import('./server/federation.ts')).checkServer,
      '/:server/retry': async () => (await import('./server/federation.ts')).retryServer,
    },
  ),
  ...section(
    '/admin/application-services',
    {
      '': async () => (await import('./server/application-services.ts')).applicationServices,
      '/csv': async () => (await import('./server/application-services.ts')).applicationServicesCsv,
      '/:id': async () => (await import('./server/application-services.ts')).applicationService,
    },
    {
      '/reload': async () => (await import('./server/application-services.ts')).reloadApplicationServices,
      '/:id/ping': async () => (await import('./server/application-services.ts')).pingApplicationService,
    },
  ),
  ...section(
    '/admin/jobs',
    {
      '': async () => (await import('./server/jobs.ts')).jobs,
      '/csv': async () => (await import('./server/jobs.ts')).jobsCsv,
      '/:id': async () => (await import('./server/jobs.ts')).job,
    },
    { '/:id/cancel': async () => (await import('./server/jobs.ts')).cancelJob },
  ),
  ...section('/admin/audit-log', {
    '': async () => (await import('./server/audit-log.ts')).auditLog,
    '/csv': async () => (await import('./server/audit-log.ts')).auditLogCsv,
  }),
]

/** The administration in a browser: everything at `/admin`. */
export const adminPagesEndpoints = (deps: AdminPagesDeps): readonly AnyEndpoint[] =>
  ROUTES.map((route) => adminEndpoint(route, deps))
