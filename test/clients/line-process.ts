import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Json } from '../support/client.ts'

/** A program that takes commands and tells what happens as lines of JSON, and that ends when its input does. */
export class LineProcess {
  /** What it told so far. */
  readonly told: Json[] = []
  readonly #name: string
  readonly #process: ChildProcess
  #errors = ''
  #ended = false
  readonly #looking = new Set<() => void>()

  constructor(name: string, command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.#name = name
    this.#process = spawn(command, args, options)
    this.#process.stderr?.on('data', (text: Buffer) => {
      this.#errors += text.toString()
    })
    this.#process.once('exit', () => {
      this.#ended = true
      this.#look()
    })
    if (this.#process.stdout !== null)
      createInterface(this.#process.stdout).on('line', (line) => {
        this.told.push(JSON.parse(line))
        this.#look()
      })
  }

  /** What it wrote into its log. */
  get log(): string {
    return this.#errors
  }

  /** Waits until the program has told something like this. */
  async hears(like: (told: Json) => boolean): Promise<Json> {
    for (;;) {
      const found = this.told.find(like)
      if (found !== undefined) return found
      if (this.#ended) throw new Error(`${this.#name} ended: ${this.#errors.slice(-2_000)}`)
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.#looking.delete(look)
          resolve()
        }
        this.#looking.add(look)
      })
    }
  }

  tell(command: object): void {
    this.#process.stdin?.write(`${JSON.stringify(command)}\n`)
  }

  /** `signal`: for a program that may be busy with something else than its input. */
  async stop(signal?: NodeJS.Signals): Promise<void> {
    if (this.#ended) return
    const exit = once(this.#process, 'exit')
    this.#process.stdin?.end()
    if (signal !== undefined) this.#process.kill(signal)
    await exit
  }

  #look(): void {
    for (const look of [...this.#looking]) look()
  }
}
