import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Json, TestClient } from '../support/client.ts'

/** A Python that has matrix-nio with end-to-end encryption: the gate makes one. */
export const NIO: string | undefined = process.env.HOMEROOM_TEST_NIO

const SCRIPT = fileURLToPath(new URL('nio-client.py', import.meta.url))

/** A device of matrix-nio, a client library in Python with a cryptography of its own. Its keys outlive a stop. */
export class NioClient {
  readonly #process: ChildProcess
  readonly #told: Json[] = []
  #errors = ''
  #ended = false
  #look: () => void = () => {}

  private constructor(process: ChildProcess) {
    this.#process = process
    process.stderr?.on('data', (text: Buffer) => {
      this.#errors += text.toString()
    })
    process.once('exit', () => {
      this.#ended = true
      this.#look()
    })
    if (process.stdout !== null)
      createInterface(process.stdout).on('line', (line) => {
        this.#told.push(JSON.parse(line))
        this.#look()
      })
  }

  static async start(python: string, homeserver: string, account: TestClient, folder: string): Promise<NioClient> {
    const { userId, deviceId, accessToken = '' } = account
    const client = new NioClient(spawn(python, [SCRIPT, homeserver, userId, deviceId, accessToken, folder]))
    await client.hears(({ ready }) => ready === true)
    return client
  }

  /** Waits until the client tells something like this. */
  async hears(like: (told: Json) => boolean): Promise<Json> {
    for (;;) {
      const found = this.#told.find(like)
      if (found !== undefined) return found
      if (this.#ended) throw new Error(`matrix-nio ended: ${this.#errors.slice(-2_000)}`)
      await new Promise<void>((resolve) => {
        this.#look = resolve
      })
    }
  }

  /** The message with this text, once it is decrypted. */
  reads(roomId: string, text: string): Promise<Json> {
    return this.hears((told) => told.room === roomId && told.text === text)
  }

  async join(roomId: string): Promise<void> {
    this.#tell({ join: roomId })
    await this.hears(({ joined }) => joined === roomId)
  }

  /** Sends an encrypted text. */
  says(roomId: string, text: string): void {
    this.#tell({ room: roomId, say: text })
  }

  async stop(): Promise<void> {
    if (this.#ended) return
    const exit = once(this.#process, 'exit')
    this.#process.stdin?.end()
    await exit
  }

  #tell(command: object): void {
    this.#process.stdin?.write(`${JSON.stringify(command)}\n`)
  }
}
