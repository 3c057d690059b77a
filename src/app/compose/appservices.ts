import type { AppServiceStates } from '#api'
import { Chore } from '#base'
import { AppServices, type ServiceAccounts, ServiceTokens } from '#domain'
import { PlacedRegistrationFiles } from '../registration-files.ts'
import type { Ground } from './ground.ts'

export interface BuiltAppServices {
  readonly services: AppServices
  readonly tokens: ServiceTokens
  readonly states: AppServiceStates
  /** Makes the users of the services, now and after each change, and begins to look for changes. */
  begin(accounts: Pick<ServiceAccounts, 'makeSenders'>): Promise<void>
  end(): Promise<void>
}

const LOOK_EVERY_MS = 3_000

/** Reads the registrations of application services. */
export const buildAppServices = async ({
  config,
  store,
  clock,
  logger,
}: Pick<Ground, 'config' | 'store' | 'clock' | 'logger'>): Promise<BuiltAppServices> => {
  const { files: places } = config.appservices
  const files = new PlacedRegistrationFiles(places)
  const services = new AppServices({ files, serverName: config.server.name, logger })
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
    tokens: new ServiceTokens({ services, accounts: store.accounts, devices: store.devices }),
    states: statesOf(services),
    begin: async (accounts) => {
      if (places.length === 0) return
      services.onChange(() => accounts.makeSenders())
      await accounts.makeSenders()
      watch.start()
    },
    end: () => watch.stop(),
  }
}

const statesOf = (services: AppServices): AppServiceStates => ({
  list: () =>
    services.all().map((service) => {
      const { id, sender, url, users, aliases, rooms } = service.registration
      const regexes = (namespaces: typeof users): readonly string[] => namespaces.map(({ regex }) => regex)
      return {
        ...{ id, sender, url },
        file: services.pathOf(service) ?? '',
        namespaces: { users: regexes(users), aliases: regexes(aliases), rooms: regexes(rooms) },
        queue: NO_QUEUE,
      }
    }),
  faults: () => services.faults(),
  reload: async () => {
    await services.reload()
  },
  ping: async () => undefined,
})

const NO_QUEUE = {
  waiting: 0,
  failures: 0,
  retryAtMs: undefined,
  lastSuccessMs: undefined,
  lastFailure: undefined,
  lastPing: undefined,
}
