import type { ServerName } from '#spec'
import { bracketed, DEFAULT_PORT, type Route, type Routes, routeByOperator, splitName } from './routes.ts'

export interface DiscoveryParts {
  /** `host:port` by server name or by the host in it, in small letters: no other step is taken for these. */
  readonly addresses: ReadonlyMap<string, string>
}

/** Finds where servers are (server-server API, "Resolving server names"). */
export class Discovery implements Routes {
  readonly #parts: DiscoveryParts

  constructor(parts: DiscoveryParts) {
    this.#parts = parts
  }

  async routesOf(server: ServerName): Promise<readonly Route[]> {
    const name = splitName(server)
    if (name === undefined) throw new Error(`${server} has no port that could be one`)
    const byOperator = routeByOperator(this.#parts.addresses, server, name)
    if (byOperator !== undefined) return [byOperator]
    return [
      {
        host: name.host,
        port: name.port ?? DEFAULT_PORT,
        hostHeader: name.port === undefined ? bracketed(name.host) : server,
        certificateName: name.host,
        byOperator: false,
      },
    ]
  }

  forget(_server: ServerName): void {}
}
