import type { AdministerServer, ServerCheck } from '#domain'
import { loadAdminPages } from '#pages'
import { MatrixError, parseServerName, type ServerName } from '#spec'
import type { AdminDestinations } from '#views'
import type { ToldDestination } from '../../operator/federation.ts'
import { csvReply, isoOf, nextOffset, offsetOf, orderOf, PAGE_ROWS, pagesOf, stateOf, textOf } from '../lists.ts'
import { actorOf, at, type PageHandler, seeOther, type Visit } from '../visit.ts'

export interface FederationPageDeps {
  readonly destinations: Pick<AdminDestinations, 'page' | 'find' | 'rooms'>
  readonly administerServer: Pick<AdministerServer, 'retry'>
  readonly serverCheck: Pick<ServerCheck, 'run'>
  /** Findings of checks, kept for as long as an administrator may look at them. */
  readonly checks: {
    put(found: Findings): Promise<string>
    find(id: string): Promise<Findings | undefined>
  }
  readonly federationEnabled: boolean
}

export interface Findings {
  readonly server: string
  readonly findings: readonly { readonly ok: boolean; readonly text: string }[]
}

const SECTION = '/admin/federation'
/** The statuses are in memory. */
const MOST_SORTED = 100_000

const BY = {
  server: ({ server: one }: ToldDestination, { server: other }: ToldDestination) =>
    one < other ? -1 : one > other ? 1 : 0,
  pending: (one: ToldDestination, other: ToldDestination) => one.pending - other.pending,
  failures: (one: ToldDestination, other: ToldDestination) =>
    one.failures - other.failures || one.pending - other.pending,
  success: (one: ToldDestination, other: ToldDestination) => (one.lastSuccessMs ?? 0) - (other.lastSuccessMs ?? 0),
}

const stateNameOf = ({ failures, behind }: ToldDestination): string =>
  failures > 0 ? 'failing' : behind ? 'behind' : 'fine'

const found = async (visit: Visit, { destinations }: FederationPageDeps): Promise<readonly ToldDestination[]> => {
  const usual = { order: 'failures', descending: true } as const
  const { order, descending } = orderOf(visit, ['server', 'pending', 'failures', 'success'], usual)
  const term = textOf(visit.query.q)?.toLowerCase()
  const state = textOf(visit.query.state)
  const known = await destinations.page({ order: 'destination', reversed: false, offset: 0, limit: MOST_SORTED })
  const all = known.destinations.filter(
    (one) => (term === undefined || one.server.includes(term)) && (state === undefined || stateNameOf(one) === state),
  )
  const sorted = all.toSorted(BY[order])
  return descending ? sorted.reverse() : sorted
}

export const federation: PageHandler<FederationPageDeps> = async (visit, deps) => {
  const { federationPage, frameOf } = await loadAdminPages()
  const all = await found(visit, deps)
  const offset = offsetOf(visit)
  const rows = all.slice(offset, offset + PAGE_ROWS)
  return federationPage(frameOf(visit), {
    state: stateOf(visit),
    rows,
    total: all.length,
    next: nextOffset(offset, rows.length, all.length),
    enabled: deps.federationEnabled,
  })
}

export const federationCsv: PageHandler<FederationPageDeps> = async (visit, deps) => {
  const all = await found(visit, deps)
  return csvReply<ToldDestination>(
    'federation',
    {
      server: ({ server }) => server,
      state: stateNameOf,
      waiting: ({ pending }) => pending,
      failures: ({ failures }) => failures,
      failing_since: ({ failingSinceMs }) => isoOf(failingSinceMs),
      next_try: ({ retryAtMs }) => isoOf(retryAtMs),
      last_success: ({ lastSuccessMs }) => isoOf(lastSuccessMs),
    },
    (async function* () {
      yield all
    })(),
  )
}

const serverNamed = (text: string): ServerName => {
  const server = parseServerName(text.trim())
  if (server === undefined) throw new MatrixError('M_INVALID_PARAM', `“${text.slice(0, 255)}” is no server name`)
  return server
}

export const server: PageHandler<FederationPageDeps> = async (visit, { destinations, checks }) => {
  const { frameOf, serverPage } = await loadAdminPages()
  const name = serverNamed(visit.params.server ?? '')
  const check = visit.query.check === undefined ? undefined : await checks.find(visit.query.check)
  const { total } = await destinations.rooms(name, { reversed: false, offset: 0, limit: 1 })
  return serverPage(frameOf(visit), {
    server: name,
    destination: await destinations.find(name),
    rooms: total,
    findings: check?.server === name ? check.findings : undefined,
  })
}

export const serverRooms: PageHandler<FederationPageDeps> = async (visit, { destinations }) => {
  const { frameOf, serverRoomsPage } = await loadAdminPages()
  const name = serverNamed(visit.params.server ?? '')
  const offset = offsetOf(visit)
  const { roomIds, total } = await destinations.rooms(name, { reversed: false, offset, limit: PAGE_ROWS })
  return serverRoomsPage(frameOf(visit), {
    ...{ server: name, total },
    rows: roomIds.map((roomId) => ({ roomId })),
    state: stateOf(visit, at(SECTION, name, 'rooms')),
    next: nextOffset(offset, roomIds.length, total),
  })
}

export const serverRoomsCsv: PageHandler<FederationPageDeps> = async (visit, { destinations }) => {
  const name = serverNamed(visit.params.server ?? '')
  return csvReply<string>(
    'rooms',
    { room: (roomId) => roomId },
    pagesOf(async (offset, limit) => (await destinations.rooms(name, { reversed: false, offset, limit })).roomIds),
  )
}

/** Looks whether the other server can be reached; the page that follows says what was found. */
export const checkServer: PageHandler<FederationPageDeps> = async (visit, { serverCheck, checks }) => {
  const name = serverNamed(visit.fields.get('server') ?? '')
  const findings = (await serverCheck.run(name)).map(({ ok, text }) => ({ ok, text }))
  const check = await checks.put({ server: name, findings })
  return seeOther(`${at(SECTION, name)}?check=${check}`)
}

export const retryServer: PageHandler<FederationPageDeps> = async (visit, { administerServer }) => {
  const name = serverNamed(visit.params.server ?? '')
  await administerServer.retry(name, actorOf(visit))
  return seeOther(at(SECTION, name), 'retried')
}
