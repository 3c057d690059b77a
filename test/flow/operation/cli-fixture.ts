import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('../../../bin/homeroom.js', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A run of the real program, as a process of its own. */
export class Program implements AsyncDisposable {
  readonly process: ChildProcessWithoutNullStreams
  readonly finished: Promise<Finished>
  #stdout = ''
  #stderr = ''

  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    cwd?: string,
    program: string = PROGRAM,
  ) {
    const env = { PATH: process.env.PATH ?? '', ...environment }
    this.process = spawn(process.execPath, [program, ...args], { env, cwd })
    this.process.stdout.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString()
    })
    this.process.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString()
    })
    this.finished = new Promise((resolve) => {
      this.process.once('close', (code) => resolve({ code, stdout: this.#stdout, stderr: this.#stderr }))
    })
  }

  /** The whole text printed, once it fits. Throws where the program ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#shown(pattern, 'stdout', () => this.#stdout)
  }

  /** The same for the standard error, where the log is. */
  logged(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#shown(pattern, 'stderr', () => this.#stderr)
  }

  async #shown(pattern: RegExp, stream: 'stdout' | 'stderr', text: () => string): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
    const look = (): void => {
      const match = pattern.exec(text())
      if (match !== null) resolve(match)
    }
    this.process[stream].on('data', look)
    look()
    void this.finished.then(({ code, stderr }) => reject(new Error(`ended with ${code}: ${stderr}`)))
    return promise
  }

  /** The address it says it listens on. */
  async address(): Promise<string> {
    const [, address = ''] = await this.printed(/Address +(http:\S+)[\s\S]*Press Ctrl/)
    return address
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL')
    await this.finished
  }
}

/** Runs to the end. `input` goes to the standard input. */
export const run = (
  args: readonly string[],
  {
    input = '',
    environment = {},
    cwd,
  }: { input?: string; environment?: Readonly<Record<string, string>>; cwd?: string } = {},
): Promise<Finished> => {
  const program = new Program(args, environment, cwd)
  program.process.stdin.end(input)
  return program.finished
}

/** Starts a server, and stops it once it runs. */
export const startOnce = async (...flags: readonly string[]): Promise<Finished> => {
  await using program = new Program(['start', '--port', '0', ...flags])
  await program.address()
  program.process.kill('SIGTERM')
  return await program.finished
}

export interface Folder extends Disposable {
  readonly path: string
}

export const temporaryFolder = (): Folder => {
  const path = mkdtempSync(join(tmpdir(), 'homeroom-cli-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}
