import { readdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { scratchFolder } from '../scratch.ts'

interface S3Rver {
  run(): Promise<{ readonly port: number }>
  close(): Promise<void>
}
/** It comes without types. */
const S3rver = createRequire(import.meta.url)('s3rver') as new (options: object) => S3Rver

const BUCKET = 'homeroom-media'
/** The object that says whose the others are. */
const MARKER = 'homeroom-database-id'

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

/** What happens to a request instead of being answered; `undefined`: it is answered. */
export type Mishap = (seen: SeenRequest, response: ServerResponse) => 'taken' | undefined

/** A store of objects that speaks S3, on loopback, behind a proxy that sees each request and can have it fail. */
export class ObjectStore {
  readonly #s3: S3Rver
  readonly #proxy: Server
  readonly #folder: string
  /** All but the one that says whose the objects are. */
  readonly seen: SeenRequest[] = []
  mishap: Mishap | undefined

  private constructor(s3: S3Rver, proxy: Server, folder: string) {
    this.#s3 = s3
    this.#proxy = proxy
    this.#folder = folder
  }

  static async start(): Promise<ObjectStore> {
    const folder = scratchFolder('s3')
    const s3 = new S3rver({
      port: 0,
      address: '127.0.0.1',
      silent: true,
      directory: folder,
      configureBuckets: [{ name: BUCKET }],
    })
    const { port } = await s3.run()
    const proxy = createServer()
    const store = new ObjectStore(s3, proxy, folder)
    proxy.on('request', (incoming, response) => store.#pass(incoming, response, port))
    await new Promise<void>((ready) => proxy.listen(0, '127.0.0.1', ready))
    return store
  }

  /** The section `s3` of the settings. */
  get settings(): Readonly<Record<string, unknown>> {
    return {
      bucket: BUCKET,
      endpoint: `http://127.0.0.1:${(this.#proxy.address() as AddressInfo).port}`,
      accessKeyId: 'S3RVER',
      secretAccessKey: 'S3RVER',
      prefix: 'of-tests/',
      pathStyle: true,
    }
  }

  /** The names of all objects of media, without their prefix. */
  get objects(): readonly string[] {
    const suffix = '._S3rver_object'
    return readdirSync(join(this.#folder, BUCKET), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.startsWith('of-tests/') && name.endsWith(suffix))
      .map((name) => name.slice('of-tests/'.length, -suffix.length))
      .filter((name) => name !== MARKER)
  }

  /** Where the bytes of an object lie. */
  pathOf(name: string): string {
    return join(this.#folder, BUCKET, 'of-tests', `${name}._S3rver_object`)
  }

  times(method: string): number {
    return this.seen.filter((one) => one.method === method).length
  }

  #pass(incoming: IncomingMessage, response: ServerResponse, port: number): void {
    const { method = '', url: path = '', headers } = incoming
    const seen = { method, path, headers }
    if (method !== 'PUT' || !path.split('?')[0]?.endsWith(`/${MARKER}`)) this.seen.push(seen)
    if (this.mishap?.(seen, response) === 'taken') return
    const onward = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    response.on('close', () => onward.destroy())
    incoming.pipe(onward)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#proxy.closeAllConnections()
    await new Promise((closed) => this.#proxy.close(closed))
    await this.#s3.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
