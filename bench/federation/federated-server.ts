import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ownAddress, type TlsFiles } from '../../test/support/federation-servers.ts'
import { GrownServer } from '../growth/grown-server.ts'

const probe = pathToFileURL(fileURLToPath(new URL('../measure/probe.mjs', import.meta.url))).href

/** Processor time of the longest step of the event loop, and the most memory, since they were last asked for. */
export interface Watched {
  readonly longestMs: number
  readonly p99Ms: number
  readonly peakRss: number
}

/** A homeserver in a process of its own that others reach by TLS, and whose event loop and memory are watched. */
export class FederatedServer {
  readonly name: string
  readonly server = new GrownServer()
  readonly #address: { readonly host: string; readonly port: number }
  readonly #tls: TlsFiles

  private constructor(name: string, address: { readonly host: string; readonly port: number }, tls: TlsFiles) {
    this.name = name
    this.#address = address
    this.#tls = tls
  }

  static async create(name: string, tls: TlsFiles): Promise<FederatedServer> {
    return new FederatedServer(name, await ownAddress(), tls)
  }

  /** `host:port` for other servers. */
  get address(): string {
    return `${this.#address.host}:${this.#address.port}`
  }

  /** `addresses`: where other servers are, by name. */
  async start(addresses: Readonly<Record<string, string>>): Promise<void> {
    const places = Object.entries(addresses).map(([name, address]) => `${name}=${address}`)
    await this.server.start({
      HOMEROOM_SERVER_NAME: this.name,
      HOMEROOM_HOST: this.#address.host,
      HOMEROOM_TLS_PORT: String(this.#address.port),
      HOMEROOM_TLS_CERT: this.#tls.cert,
      HOMEROOM_TLS_KEY: this.#tls.key,
      HOMEROOM_FEDERATION_CA: this.#tls.ca,
      HOMEROOM_FEDERATION_ADDRESSES: places.join(),
      BENCH_PROBE: join(this.server.folder, 'probe'),
      NODE_OPTIONS: `--import ${probe}`,
    })
  }

  async watched(): Promise<Watched> {
    const port = readFileSync(join(this.server.folder, 'probe'), 'utf8')
    return (await (await fetch(`http://127.0.0.1:${port}`)).json()) as Watched
  }
}
