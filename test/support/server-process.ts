import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { repositoryRoot } from '../../scripts/cruise.ts'

export interface ServerSetup {
  readonly dataFolder: string
  /** Default: SQLite in the data folder. */
  readonly databaseUrl?: string | undefined
  /** More flags. */
  readonly flags?: readonly string[]
  /** More of its environment: settings, options of Node. */
  readonly env?: Readonly<Record<string, string>>
}

/** Settings under which a hash costs what a test can spend, and a password may be short. */
export const CHEAP_PASSWORDS = {
  HOMEROOM_PASSWORDS_HASH_MEMORY: '8KiB',
  HOMEROOM_PASSWORDS_HASH_PASSES: '1',
  HOMEROOM_PASSWORDS_MIN_LENGTH: '1',
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

const READY = /^ {2}Address\s+(http:\S+)/m
const READY_WITHIN_MS = 60_000
/** A server promises to stop within 10 s. */
const STOPPED_WITHIN_MS = 60_000
const KEPT_OUTPUT = 8_000

const running = new Set<number>()
process.on('exit', () => {
  for (const pid of running) signalGroup(pid, 'SIGKILL')
})

/** A whole homeserver as its users run it: `bin/homeroom.js start` in a process (group) of its own, on a free port. */
export class ServerProcess {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #pid: number
  readonly #startedMs = performance.now()
  readonly exited: Promise<Exit>
  #stdout = ''
  #stderr = ''
  #url: string | undefined
  #onReady: ((url: string) => void) | undefined
  startUpMs = 0

  constructor({ dataFolder, databaseUrl, flags = [], env = {} }: ServerSetup) {
    const own = ['start', '--port', '0', '--data', dataFolder, '--no-rate-limit', '--registration', 'open']
    const database = databaseUrl === undefined ? [] : ['--database', databaseUrl]
    const script = join(repositoryRoot, 'bin', 'homeroom.js')
    this.#child = spawn(process.execPath, [script, ...own, '--log-level', 'warn', ...database, ...flags], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...withoutSettings(), ...env },
    })
    this.#pid = this.#child.pid ?? 0
    if (this.#pid === 0) throw new Error('the server could not be spawned')
    running.add(this.#pid)
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        running.delete(this.#pid)
        resolve({ code, signal })
      })
    })
    this.#child.stdout.on('data', (chunk: Buffer) => this.#read(chunk.toString()))
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-KEPT_OUTPUT)
    })
  }

  /** Where it listens. */
  get url(): string {
    if (this.#url === undefined) throw new Error('the server does not listen yet')
    return this.#url
  }

  get pid(): number {
    return this.#pid
  }

  /** What it said on its standard error: log lines, or why it does not start. */
  get errors(): string {
    return this.#stderr
  }

  /** Resolves when the banner is there. Throws where the process ends before. */
  async ready(): Promise<string> {
    const banner = new Promise<string>((resolve) => {
      if (this.#url === undefined) this.#onReady = resolve
      else resolve(this.#url)
    })
    const ended = this.exited.then(({ code, signal }): never => {
      throw new Error(`the server ended (${signal ?? code}) before it was ready: ${this.#stderr}`)
    })
    return this.#within(READY_WITHIN_MS, 'is not ready', Promise.race([banner, ended]))
  }

  /** Like a power cut, as far as a process can see: nothing of it runs any more once this resolves. */
  async kill(): Promise<Exit> {
    signalGroup(this.#pid, 'SIGKILL')
    return this.exited
  }

  /** Asks it to stop in good order. Throws where it does not. */
  terminate(): Promise<Exit> {
    this.#child.kill('SIGTERM')
    return this.#within(STOPPED_WITHIN_MS, 'does not stop', this.exited)
  }

  async #within<Value>(timeMs: number, what: string, promise: Promise<Value>): Promise<Value> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`the server ${what} after ${timeMs} ms: ${this.#stderr}`)), timeMs)
    })
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #read(text: string): void {
    if (this.#url !== undefined) return
    this.#stdout = (this.#stdout + text).slice(-KEPT_OUTPUT)
    const url = READY.exec(this.#stdout)?.[1]
    if (url === undefined) return
    this.startUpMs = performance.now() - this.#startedMs
    this.#url = url
    this.#onReady?.(url)
  }
}

/** No setting of whoever runs the tests reaches the server, and none of the tests themselves. */
const withoutSettings = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:HOMEROOM_|NODE_|VITEST)/.test(name)))

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // The group has ended already.
  }
}
