import { isIP } from 'node:net'
import type { ServerName } from '#spec'
import { hostAddress } from '../private-addresses.ts'

/** A place where a server may be reached (server-server API, "Resolving server names"). */
export interface Route {
  /** The name or address to connect to, without brackets. */
  readonly host: string
  readonly port: number
  /** The `Host` header. */
  readonly hostHeader: string
  /** The name or address that the certificate must be for. A name is also sent as SNI. */
  readonly certificateName: string
  /** Whether the operator named the address: it may then be one of a private network. */
  readonly byOperator: boolean
}

/** Finds the places where a server may be reached. */
export interface Routes {
  /** Ordered by preference, at least one. Throws with the reason where there is none. */
  routesOf(server: ServerName): Promise<readonly Route[]>
  /** Nobody could be reached there: the place is found anew next time. */
  forget(server: ServerName, route: Route): void
}

export const DEFAULT_PORT = 8448

export interface HostAndPort {
  /** Without brackets. */
  readonly host: string
  readonly port: number | undefined
}

/** The two parts of a server name. undefined where the port is none. */
export const splitName = (name: string): HostAndPort | undefined => {
  const [, host, digits] = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(name) ?? []
  if (host === undefined) return undefined
  const port = digits === undefined ? undefined : Number(digits)
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined
  return { host: hostAddress(host), port }
}

/** A host in a `Host` header: IPv6 addresses in brackets. */
export const bracketed = (host: string): string => (isIP(host) === 6 ? `[${host}]` : host)

/** The place that the operator wrote down for a server name, or for the host in it. */
export const routeByOperator = (
  addresses: ReadonlyMap<string, string>,
  server: string,
  name: HostAndPort,
): Route | undefined => {
  const written = addresses.get(server.toLowerCase()) ?? addresses.get(bracketed(name.host).toLowerCase())
  const place = written === undefined ? undefined : splitName(written)
  if (place === undefined) return undefined
  return {
    host: place.host,
    port: place.port ?? name.port ?? DEFAULT_PORT,
    hostHeader: server,
    certificateName: name.host,
    byOperator: true,
  }
}
