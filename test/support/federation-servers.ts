import { randomInt } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Clock } from '#base'
import { FEDERATION_CERTIFICATE, FEDERATION_KEY, TEST_AUTHORITY } from './certificate.ts'
import { type DatabaseKind, type HomeserverSetup, startHomeserver, type TestHomeserver } from './homeserver.ts'
import { scratchFolder } from './scratch.ts'

/** Where a server is reached by others. */
export interface Place {
  readonly serverName: string
  /** `host:port`, by TLS with a certificate for the server name. */
  readonly address: string
}

export interface FederationSetup {
  /** Default `['first.example', 'second.example']`. Others: `third.example`, and all below `servers.example`. */
  readonly names?: readonly string[]
  /** For all of them. */
  readonly setup?: Omit<HomeserverSetup, 'database' | 'settings'>
  readonly settings?: HomeserverSetup['settings']
  /** Settings of single servers, above those for all, by name. */
  readonly settingsOf?: Readonly<Record<string, HomeserverSetup['settings']>>
  /** Clocks of single servers, by name. */
  readonly clockOf?: Readonly<Record<string, Clock>>
  /** Default SQLite for all. */
  readonly database?: DatabaseKind | readonly DatabaseKind[]
  /** Other servers that all of these can reach, beside each other. */
  readonly others?: readonly Place[]
  /** Changes where a server sees another one: a proxy that fails, say. `from` and `to` are server names. */
  readonly route?: (from: string, to: string, address: string) => string
}

/** PEM files for servers that run by TLS in the tests. Removed by `discard`. */
export interface TlsFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
  discard(): void
}

export const writeTlsFiles = (): TlsFiles => {
  const folder = scratchFolder('tls')
  const put = (name: string, text: string): string => {
    const file = join(folder, name)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }
  return {
    ca: put('ca.pem', TEST_AUTHORITY),
    cert: put('cert.pem', FEDERATION_CERTIFICATE),
    key: put('key.pem', FEDERATION_KEY),
    discard: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/**
 * An address of loopback that nobody else uses, so that a server keeps it when it starts again. Linux has sixteen million of them; elsewhere a port that is
 * free now has to do.
 */
export const ownAddress = async (): Promise<{ readonly host: string; readonly port: number }> => {
  if (process.platform === 'linux')
    return { host: `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`, port: 8448 }
  const server = createServer()
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const address = server.address()
  await new Promise((closed) => server.close(closed))
  return { host: '127.0.0.1', port: typeof address === 'object' && address !== null ? address.port : 0 }
}

/** Homeservers in this process that reach each other over TLS on loopback, each with a database and a data folder of its own. */
export class FederationServers {
  readonly servers: readonly TestHomeserver[]
  readonly places: readonly Place[]
  /** Of the authority and the certificate that all of them use. */
  readonly tls: TlsFiles

  private constructor(servers: readonly TestHomeserver[], places: readonly Place[], tls: TlsFiles) {
    this.servers = servers
    this.places = places
    this.tls = tls
  }

  static async start(setup: FederationSetup = {}): Promise<FederationServers> {
    const { names = ['first.example', 'second.example'], others = [], route = (_from, _to, address) => address } = setup
    const tls = writeTlsFiles()
    const own = await Promise.all(names.map(() => ownAddress()))
    const places = names.map((name, index) => {
      const { host, port } = own[index] ?? { host: '', port: 0 }
      return { serverName: name, address: `${host}:${port}` }
    })
    const servers: TestHomeserver[] = []
    try {
      for (const [index, name] of names.entries()) {
        const addresses = Object.fromEntries([
          ...others.map(({ serverName, address }) => [serverName, address]),
          ...places.map(({ serverName, address }, at) => [serverName, route(name, names[at] ?? '', address)]),
        ])
        servers.push(
          await startHomeserver({
            ...setup.setup,
            ...clockOf(setup, name),
            database: databaseAt(setup.database, index),
            settings: merged([
              {
                server: { name },
                registration: { mode: 'open' },
                listen: {
                  host: own[index]?.host ?? '',
                  tlsPort: own[index]?.port ?? 0,
                  tlsCert: tls.cert,
                  tlsKey: tls.key,
                },
                federation: { addresses, ca: [tls.ca] },
              },
              setup.settings,
              setup.settingsOf?.[name],
            ]),
          }),
        )
      }
    } catch (error) {
      await Promise.all(servers.map((server) => server.stop()))
      tls.discard()
      throw error
    }
    return new FederationServers(servers, places, tls)
  }

  /** The server at that place of `names`. */
  at(index: number): TestHomeserver {
    const found = this.servers[index]
    if (found === undefined) throw new Error(`there is no server ${index}`)
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
    this.tls.discard()
  }
}

const databaseAt = (database: FederationSetup['database'], index: number): DatabaseKind => {
  if (typeof database === 'object') return database[index % database.length] ?? 'sqlite'
  return database ?? 'sqlite'
}

const clockOf = ({ clockOf: clocks }: FederationSetup, name: string): { readonly clock?: Clock } => {
  const clock = clocks?.[name]
  return clock === undefined ? {} : { clock }
}

type Settings = Record<string, Record<string, unknown>>

const merged = (all: readonly HomeserverSetup['settings'][]): Settings => {
  const result: Settings = {}
  for (const settings of all)
    for (const [section, values] of Object.entries(settings ?? {})) {
      const before = result[section]
      result[section] = { ...before, ...values }
      // Addresses come from several places.
      if (section === 'federation' && typeof values.addresses === 'object')
        result[section].addresses = { ...(before?.addresses as object), ...(values.addresses as object) }
    }
  return result
}

/** Starts as many homeservers as there are names, which find each other. Use `await using`. */
export const startFederation = (setup?: FederationSetup): Promise<FederationServers> => FederationServers.start(setup)
