import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const DEBIAN = '/usr/lib/postgresql'

/** Where PostgreSQL's programs are; undefined where it is not installed. */
export const postgresPrograms = (): string | undefined => {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN) : []
  return versions
    .toSorted((one, other) => Number(other) - Number(one))
    .map((version) => join(DEBIAN, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')))
}

const isRoot = process.getuid?.() === 0
/** A short PATH does not name its folder. */
const RUNUSER = ['/usr/sbin/runuser', '/sbin/runuser'].find(existsSync) ?? 'runuser'

/** A PostgreSQL of one test's own, which it may stop and start as it likes. */
export class PostgresCluster {
  readonly #programs: string
  readonly #folder: string
  readonly #port: number

  private constructor(programs: string, folder: string, port: number) {
    this.#programs = programs
    this.#folder = folder
    this.#port = port
  }

  static async create(programs: string): Promise<PostgresCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'homeroom-pg-'))
    // PostgreSQL refuses to run as root: there its own user runs it.
    chmodSync(folder, 0o755)
    if (isRoot) execFileSync('chown', ['postgres', folder])
    const cluster = new PostgresCluster(programs, folder, await freePort())
    cluster.#run('initdb', ['-D', cluster.#data, '-U', 'homeroom', '-A', 'trust', '-E', 'UTF8', '--locale=C'])
    return cluster
  }

  get url(): string {
    return `postgres://homeroom@127.0.0.1:${this.#port}/postgres`
  }

  start(): void {
    const options = `-p ${this.#port} -h 127.0.0.1 -k ${this.#folder} -c fsync=off`
    this.#run('pg_ctl', ['-D', this.#data, '-w', '-t', '60', '-l', join(this.#folder, 'log'), '-o', options, 'start'])
  }

  /** `immediate` is a crash; `fast` ends all connections in good order. */
  stop(mode: 'immediate' | 'fast'): void {
    this.#run('pg_ctl', ['-D', this.#data, '-w', '-m', mode, 'stop'])
  }

  /** In any case. */
  discard(): void {
    this.#spawn('pg_ctl', ['-D', this.#data, '-w', '-m', 'immediate', 'stop'])
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  #run(program: string, args: readonly string[]): void {
    const { status, output } = this.#spawn(program, args)
    if (status !== 0) throw new Error(`${program} failed: ${output}`)
  }

  #spawn(program: string, args: readonly string[]): { readonly status: number | null; readonly output: string } {
    const path = join(this.#programs, program)
    const [command, all] = isRoot ? [RUNUSER, ['-u', 'postgres', '--', path, ...args]] : [path, [...args]]
    // pg_ctl leaves a server behind that keeps its streams: they must not be pipes that somebody waits for.
    const { status, error } = spawnSync(command, all, { cwd: '/', stdio: 'ignore' })
    return { status, output: String(error ?? `exit code ${status}`) }
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
