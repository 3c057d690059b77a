import { Type } from 'typebox'
import { type AnyEndpoint, endpoint, none } from '#http'
import type { UserId } from '#spec'

/** How an application service does. Times are milliseconds since 1970. */
export interface AppServiceState {
  readonly id: string
  readonly sender: UserId
  /** undefined: nothing is sent to it. */
  readonly url: string | undefined
  /** The registration file. */
  readonly file: string
  /** Users, aliases and rooms that it registered, as regular expressions. */
  readonly namespaces: Readonly<Record<'users' | 'aliases' | 'rooms', readonly string[]>>
  readonly queue: {
    /** Events, EDUs and messages of the transaction under way; 0 where everything is delivered. */
    readonly waiting: number
    /** Failures since the last success. */
    readonly failures: number
    readonly retryAtMs: number | undefined
    readonly lastSuccessMs: number | undefined
    readonly lastFailure: { readonly atMs: number; readonly reason: string } | undefined
    readonly lastPing: { readonly atMs: number; readonly ok: boolean; readonly reason: string } | undefined
  }
}

/** A registration file that is not in force as it stands. */
export interface RegistrationFaultState {
  readonly path: string
  readonly problem: string
  readonly keptEarlier: boolean
}

/** The states of application services, for whoever administers the server. */
export interface AppServiceStates {
  list(): readonly AppServiceState[]
  faults(): readonly RegistrationFaultState[]
  /** Reads the registration files anew. */
  reload(): Promise<void>
  /** Has the service asked whether it is there. undefined: no such service. */
  ping(id: string): Promise<{ readonly ok: boolean; readonly reason: string } | undefined>
}

export interface OperatorAppServicesDeps {
  readonly appServices: Pick<AppServiceStates, 'list' | 'faults' | 'reload'>
}

const told = ({ queue, url, ...service }: AppServiceState) => ({
  ...service,
  url: url ?? null,
  queue: {
    ...{ waiting: queue.waiting, failures: queue.failures },
    ...(queue.retryAtMs === undefined ? {} : { retry_at: queue.retryAtMs }),
    ...(queue.lastSuccessMs === undefined ? {} : { last_success: queue.lastSuccessMs }),
    ...(queue.lastFailure === undefined
      ? {}
      : { last_failure: { at: queue.lastFailure.atMs, reason: queue.lastFailure.reason } }),
    ...(queue.lastPing === undefined
      ? {}
      : { last_ping: { at: queue.lastPing.atMs, ok: queue.lastPing.ok, reason: queue.lastPing.reason } }),
  },
})

const listed = (states: OperatorAppServicesDeps['appServices']) => ({
  services: states.list().map(told),
  faults: states.faults().map(({ path: file, problem, keptEarlier }) => ({ file, problem, kept_earlier: keptEarlier })),
})

/** Lists application services, and has their registrations read anew. */
export const operatorAppServicesEndpoints = ({ appServices }: OperatorAppServicesDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/list-appservices'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({}),
    handler: async () => listed(appServices),
  }),
  endpoint({
    method: 'POST',
    paths: ['/reload-appservices'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({}),
    handler: async () => {
      await appServices.reload()
      return listed(appServices)
    },
  }),
]
