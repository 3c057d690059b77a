import type { SrvRecord } from 'node:dns'
import { isIP } from 'node:net'
import type { ServerName } from '#spec'
import type { FederationNames } from './names.ts'
import {
  bracketed,
  DEFAULT_PORT,
  type HostAndPort,
  type Route,
  type Routes,
  routeByOperator,
  splitName,
} from './routes.ts'
import type { WellKnown } from './well-known.ts'

export interface DiscoveryParts {
  /** `host:port` by server name or by the host in it, in small letters: no other step is taken for these. */
  readonly addresses: ReadonlyMap<string, string>
  readonly wellKnown: Pick<WellKnown, 'delegationOf' | 'forget'>
  readonly names: Pick<FederationNames, 'servicesOf' | 'forget'>
  /** From 0 up to, but not, 1. */
  readonly chance: () => number
}

/** Told of each step that is taken, in words. */
export type Tell = (step: string) => void

const SERVICES = ['_matrix-fed._tcp', '_matrix._tcp'] as const

/** Finds where servers are, in the order of the specification (server-server API, "Resolving server names"). */
export class Discovery implements Routes {
  readonly #parts: DiscoveryParts

  constructor(parts: DiscoveryParts) {
    this.#parts = parts
  }

  async routesOf(server: ServerName, tell: Tell = () => {}): Promise<readonly Route[]> {
    const { addresses, wellKnown } = this.#parts
    const name = parsed(server)
    const byOperator = routeByOperator(addresses, server, name)
    if (byOperator !== undefined) {
      tell(`federation.addresses says that ${server} is at ${bracketed(byOperator.host)}:${byOperator.port}`)
      return [byOperator]
    }
    const direct = directRoute(name, server, tell)
    if (direct !== undefined) return [direct]
    tell(`asking https://${name.host}/.well-known/matrix/server`)
    const { to, reason } = await wellKnown.delegationOf(name.host)
    if (to === undefined) {
      tell(`${name.host} delegates to nobody: ${reason}`)
      return this.#byServices(name.host, tell)
    }
    tell(`${name.host} delegates to ${to}`)
    const delegated = parsed(to)
    const route = routeByOperator(addresses, to, delegated) ?? directRoute(delegated, to, tell)
    return route === undefined ? this.#byServices(delegated.host, tell) : [route]
  }

  forget(server: ServerName, route: Route): void {
    const { names, wellKnown } = this.#parts
    // The records of a name are those that its certificate is for.
    for (const host of new Set([route.host, route.certificateName])) names.forget(host)
    const name = splitName(server)
    if (name?.port === undefined && name !== undefined) wellKnown.forget(name.host)
  }

  /** A name without port: what SRV records say, else the host itself at the usual port. The certificate is for the name either way. */
  async #byServices(host: string, tell: Tell): Promise<readonly Route[]> {
    const common = { hostHeader: host, certificateName: host, byOperator: false }
    for (const service of SERVICES) {
      const name = `${service}.${host}`
      const records = await this.#parts.names.servicesOf(name, this.#parts.chance)
      if (records.length === 0) {
        tell(`there is no SRV record ${name}`)
        continue
      }
      tell(`the SRV record ${name} leads to ${records.map(placeOf).join(', ')}`)
      const targets = records.filter(isTarget)
      // RFC 2782: a single dot says that there is decidedly no such service.
      if (targets.length === 0) throw new Error(`the SRV record ${name} leads nowhere`)
      return targets.map(({ name: target, port }) => ({ ...common, host: target, port }))
    }
    tell(`trying ${host} at port ${DEFAULT_PORT}`)
    return [{ ...common, host, port: DEFAULT_PORT }]
  }
}

const placeOf = ({ name, port }: SrvRecord): string => `${name}:${port}`

/** RFC 2782 forbids addresses as targets; a port of 0 is none. */
const isTarget = ({ name, port }: SrvRecord): boolean => name !== '' && name !== '.' && port > 0 && isIP(name) === 0

const parsed = (server: string): HostAndPort => {
  const name = splitName(server)
  if (name === undefined) throw new Error(`${server} has no port that could be one`)
  return name
}

/** The place of a name that is an address or has a port: nothing has to be asked for it. */
const directRoute = ({ host, port }: HostAndPort, server: string, tell: Tell): Route | undefined => {
  const isAddress = isIP(host) !== 0
  if (!isAddress && port === undefined) return undefined
  const at = port ?? DEFAULT_PORT
  tell(`${server} ${isAddress ? 'is an address' : 'names a port'}: ${bracketed(host)}:${at}`)
  return { host, port: at, hostHeader: server, certificateName: host, byOperator: false }
}
