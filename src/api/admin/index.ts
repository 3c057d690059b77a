import type { AnyEndpoint } from '#http'
import { type AbuseAdminDeps, abuseAdminEndpoints } from './abuse/index.ts'
import { type MediaAdminDeps, mediaAdminEndpoints } from './media/index.ts'
import { type PeopleAdminDeps, peopleAdminEndpoints } from './people/index.ts'
import { type RoomsAdminDeps, roomsAdminEndpoints } from './rooms/index.ts'
import { type ServerAdminDeps, serverAdminEndpoints } from './server/index.ts'

/** The needs of each folder here. */
export interface AdminApiDeps {
  readonly people: PeopleAdminDeps
  readonly rooms: RoomsAdminDeps
  readonly abuse: AbuseAdminDeps
  readonly server: ServerAdminDeps
  readonly media: MediaAdminDeps
}

/** The administration API, as tools for Synapse use it: everything at `/_synapse/admin` and `/_homeroom/admin`. */
export const adminApiEndpoints = (deps: AdminApiDeps): readonly AnyEndpoint[] => [
  ...peopleAdminEndpoints(deps.people),
  ...roomsAdminEndpoints(deps.rooms),
  ...abuseAdminEndpoints(deps.abuse),
  ...serverAdminEndpoints(deps.server),
  ...mediaAdminEndpoints(deps.media),
]
