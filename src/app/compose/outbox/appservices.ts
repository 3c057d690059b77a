import type { ApiDeps, AppServiceStates } from '#api'
import { type CacheStats, Chore } from '#base'
import {
  type AliasNamespaces,
  AppServices,
  AppservicePing,
  AppserviceQueries,
  NetworkListings,
  type ServiceAccounts,
  ServiceTokens,
} from '#domain'
import { AppserviceRequests } from '#net'
import type { AppservicesOut } from '#outbox'
import { MatrixError } from '#spec'
import { type LeasedWork, writers } from '#store'
import { PlacedRegistrationFiles } from '../../host/registration-files.ts'
import type { Ground } from '../ground/ground.ts'
import { type AroundAppservices, buildAppservicesOut } from './appservices-out.ts'

export interface BuiltAppServices {
  readonly services: AppServices
  readonly tokens: ServiceTokens
  /** Makes the users of the services, now and after each change, and begins to look for changes. */
  begin(accounts: Pick<ServiceAccounts, 'makeSenders'>, around: AroundAppservices): Promise<void>
  /** By the name of its lease; after `begin`. */
  work(): Readonly<Record<string, LeasedWork>>
  api(serviceAccounts: ServiceAccounts): ApiDeps['appservices']
  readonly queries: AppserviceQueries
  readonly aliasNamespaces: AliasNamespaces
  readonly states: AppServiceStates
  caches(): readonly CacheStats[]
  end(): Promise<void>
}

const LOOK_EVERY_MS = 3_000

/** Reads the registrations of application services. */
export const buildAppServices = async (ground: Ground): Promise<BuiltAppServices> => {
  const { config, store, clock, logger } = ground
  const { files: places } = config.appservices
  const files = new PlacedRegistrationFiles(places)
  const services = new AppServices({ files, serverName: config.server.name, logger })
  const requests = new AppserviceRequests({ clock, timeoutMs: config.appservices.requestTimeout })
  let sending: AppservicesOut | undefined
  const ping = new AppservicePing({ requests, clock, answered: ({ id }) => sending?.reset(id) })
  const queries = new AppserviceQueries({ requests, clock, services: () => services.all() })
  const listings = new NetworkListings({
    rooms: store.rooms,
    writer: writers.networkRooms,
    commit: store.commit,
  })
  let mark = await files.mark()
  if (places.length > 0) await services.reload()
  const watch = new Chore({
    ...{ clock, logger, everyMs: LOOK_EVERY_MS },
    failure: 'the registrations of application services could not be looked at; tried again',
    round: async () => {
      const now = await files.mark()
      if (now === mark) return
      await services.reload()
      mark = now
    },
  })
  return {
    services,
    tokens: new ServiceTokens({ services, accounts: store.accounts, devices: store.devices, clock }),
    caches: () => sending?.caches() ?? [],
    states: statesOf(services, ping, () => sending),
    work: () => (sending === undefined ? {} : { 'appservices-out': sending }),
    queries,
    aliasNamespaces: {
      assertMayName: (alias, service) => services.assertMayName(alias, service),
      make: (alias) => queries.makeAlias(alias),
      changed: (room) => sending?.aliasesChanged(room),
    },
    api: (serviceAccounts) => ({ ping, serviceAccounts, listings, queries }),
    begin: async (accounts, around) => {
      const out = buildAppservicesOut(ground, { services, requests }, around)
      sending = out
      if (places.length === 0) return
      services.onChange(async () => {
        await accounts.makeSenders()
        await out.servicesChanged()
      })
      await accounts.makeSenders()
      watch.start()
    },
    end: async () => {
      requests.close()
      await watch.stop()
    },
  }
}

const statesOf = (
  services: AppServices,
  ping: AppservicePing,
  sending: () => AppservicesOut | undefined,
): AppServiceStates => ({
  list: () =>
    services.all().map((service) => {
      const { id, sender, url, users, aliases, rooms } = service.registration
      const regexes = (namespaces: typeof users): readonly string[] => namespaces.map(({ regex }) => regex)
      return {
        ...{ id, sender, url },
        file: services.pathOf(service) ?? '',
        namespaces: { users: regexes(users), aliases: regexes(aliases), rooms: regexes(rooms) },
        queue: { ...(sending()?.status(id) ?? NOTHING_SENT), lastPing: ping.last(id) },
      }
    }),
  faults: () => services.faults(),
  reload: async () => {
    await services.reload()
  },
  ping: async (id) => {
    const service = services.byId(id)
    if (service === undefined) return undefined
    try {
      const tookMs = await ping.ping(service, undefined)
      return { ok: true, reason: `it answered within ${tookMs} ms` }
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      return { ok: false, reason: error.message }
    }
  },
})

const NOTHING_SENT = {
  waiting: 0,
  failures: 0,
  retryAtMs: undefined,
  lastSuccessMs: undefined,
  lastFailure: undefined,
}
