import { connect, createServer, type Server, type Socket } from 'node:net'

const COMMIT = Buffer.from('commit\0')

/** Stands between the homeserver and PostgreSQL, and can lose the one answer that matters, or take the database away for a while. */
export class PostgresProxy {
  readonly #server: Server
  readonly #target: URL
  readonly #clients = new Set<Socket>()
  #loseNext = false
  #away = false

  private constructor(target: URL) {
    this.#target = target
    this.#server = createServer((client) => this.#relay(client))
  }

  static async start(targetUrl: string): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(new URL(targetUrl))
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject)
      proxy.#server.listen(0, '127.0.0.1', resolve)
    })
    return proxy
  }

  /** The database, through the proxy. */
  get url(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen')
    const url = new URL(this.#target)
    url.host = `127.0.0.1:${address.port}`
    return url.href
  }

  /** The next commit reaches the database and is done; its answer never comes, for the connection is cut. */
  loseNextCommitAnswer(): void {
    this.#loseNext = true
  }

  /** From now on the database is as good as down: connections are cut, and new ones are accepted and cut. */
  takeAway(): void {
    this.#away = true
    for (const client of this.#clients) client.destroy()
  }

  giveBack(): void {
    this.#away = false
  }

  stop(): void {
    this.#server.close()
  }

  #relay(client: Socket): void {
    if (this.#away) {
      client.destroy()
      return
    }
    this.#clients.add(client)
    client.on('close', () => this.#clients.delete(client))
    const database = connect(Number(this.#target.port), this.#target.hostname)
    let losing = false
    client.on('data', (chunk: Buffer) => {
      if (this.#loseNext && chunk.includes(COMMIT)) {
        this.#loseNext = false
        losing = true
      }
      database.write(chunk)
    })
    database.on('data', (chunk: Buffer) => {
      // The answer says that it was done: only now it is certain, and only now the connection is cut.
      if (losing) client.destroy()
      else client.write(chunk)
    })
    client.on('close', () => database.destroy())
    database.on('close', () => client.destroy())
    // A cut connection is what this is for.
    client.on('error', () => {})
    database.on('error', () => {})
  }
}
