import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pauseMs } from '../measure/now.ts'
import { Caller } from './caller.ts'
import { GrownRows } from './rows.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readyWithinMs = 120_000
/** Looked at so long and so often, a server that uses less processor time than that each time has nothing to do. The index of messages rests for 2 s between its rounds. */
const LOOK_MS = 1_000
const CALM_LOOKS = 4
const CALM_CPU_MS = 20
const MOST_LOOKS = 300
/** The same for what a single call leaves to be done. */
const REST_MS = 20
const REST_CPU_MS = 0.5
const MOST_RESTS = 50
const cheapPasswords = { HOMEROOM_PASSWORDS_HASH_MEMORY: '8KiB', HOMEROOM_PASSWORDS_HASH_PASSES: '1' }

/** A homeserver on SQLite in a folder of its own, which can be stopped, made larger, and started again. */
export class GrownServer {
  readonly #folder: string
  #child: ChildProcess | undefined
  #url = ''
  readonly #spentNs = new Map<string, number>()

  constructor(folder = mkdtempSync(join(tmpdir(), 'homeroom-growth-'))) {
    this.#folder = folder
  }

  caller(): Caller {
    return new Caller(() => this.#url)
  }

  get folder(): string {
    return this.#folder
  }

  /** Changes with each start. */
  get url(): string {
    return this.#url
  }

  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const flags = ['start', '--port', '0', '--data', join(this.#folder, 'data'), '--no-rate-limit']
    const script = join(root, 'bin', 'homeroom.js')
    const child = spawn(process.execPath, [script, ...flags, '--registration', 'open'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...cheapPasswords, ...env },
    })
    this.#child = child
    this.#spentNs.clear()
    // A killed or crashing bench must not leave the server behind.
    const killAtExit = (): void => void child.kill('SIGKILL')
    process.once('exit', killAtExit)
    child.once('close', () => process.removeListener('exit', killAtExit))
    this.#url = await addressOf(child)
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child === undefined) return
    this.#child = undefined
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGTERM')
    await ended
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** A stopped server with the same data, to be grown in another way. Only while this one is stopped. */
  copy(): GrownServer {
    const folder = mkdtempSync(join(tmpdir(), 'homeroom-growth-'))
    cpSync(this.#folder, folder, { recursive: true })
    return new GrownServer(folder)
  }

  /** Changes the rows of the stopped server. */
  grow(change: (rows: GrownRows) => void): void {
    const rows = new GrownRows(join(this.#folder, 'data', 'homeroom.sqlite'))
    try {
      change(rows)
    } finally {
      rows.close()
    }
  }

  async discard(): Promise<void> {
    await this.stop()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  /**
   * Processor time that all threads have spent, in milliseconds: exact to the microsecond, as the scheduler of Linux counts it. A thread that has ended counts with
   * what it had spent when it was looked at last; the clock of the process would count all of it, but in steps of 10 ms. `ended` says how many these are.
   */
  spent(): { readonly cpuMs: number; readonly ended: number } {
    const tasks = `/proc/${this.#child?.pid}/task`
    const running = new Set<string>()
    for (const task of readdirSync(tasks)) {
      try {
        this.#spentNs.set(task, Number.parseInt(readFileSync(`${tasks}/${task}/schedstat`, 'utf8'), 10))
        running.add(task)
      } catch {
        // The thread ended between listing and reading.
      }
    }
    let nanoseconds = 0
    for (const spent of this.#spentNs.values()) nanoseconds += spent
    return { cpuMs: nanoseconds / 1e6, ended: this.#spentNs.size - running.size }
  }

  cpuMs(): number {
    return this.spent().cpuMs
  }

  /** Resolves when the server has nothing to do: what follows up on rows after a start (indexes, directories) is no cost of a call. */
  calm(): Promise<void> {
    return this.#quiet({ lookMs: LOOK_MS, cpuMs: CALM_CPU_MS, mostLooks: MOST_LOOKS })
  }

  /** Resolves when what follows behind an answer is done, which may begin after a pause; or after a while where it is very much. */
  rest(): Promise<void> {
    return this.#quiet({ lookMs: REST_MS, cpuMs: REST_CPU_MS, mostLooks: MOST_RESTS })
  }

  async #quiet({
    lookMs,
    cpuMs,
    mostLooks,
  }: Readonly<Record<'lookMs' | 'cpuMs' | 'mostLooks', number>>): Promise<void> {
    for (let left = mostLooks, calm = 0; left > 0 && calm < CALM_LOOKS; left--) {
      const before = this.cpuMs()
      await pauseMs(lookMs)
      calm = this.cpuMs() - before < cpuMs ? calm + 1 : 0
    }
  }

  /** Moves all threads to one core; later ones follow. */
  pin(cpu: number): void {
    execFileSync('taskset', ['-a', '-c', '-p', String(cpu), String(this.#child?.pid)], { stdio: 'ignore' })
  }

  /** Resident memory now, and the most since the last call of `forgetPeak`. */
  memory(): { readonly rssBytes: number; readonly peakBytes: number } {
    const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8')
    const kilobytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
    return { rssBytes: kilobytes('VmRSS') * 1024, peakBytes: kilobytes('VmHWM') * 1024 }
  }
}

const addressOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve, reject) => {
    let output = ''
    const late = setTimeout(() => reject(new Error(`the server does not start:\n${output}`)), readyWithinMs)
    const read = (chunk: Buffer): void => {
      output += chunk.toString()
      const url = /^ {2}Address\s+(http:\S+)/m.exec(output)?.[1]
      if (url === undefined) return
      clearTimeout(late)
      resolve(url)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('close', () => reject(new Error(`the server ended:\n${output}`)))
  })
