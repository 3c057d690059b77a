import { fileURLToPath } from 'node:url'
import type { Json, TestClient } from '../support/client.ts'
import { LineProcess } from './line-process.ts'

/** A Python that has matrix-nio with end-to-end encryption: the gate makes one. */
export const NIO: string | undefined = process.env.HOMEROOM_TEST_NIO

const SCRIPT = fileURLToPath(new URL('nio-client.py', import.meta.url))

/** A device of matrix-nio, a client library in Python with a cryptography of its own. Its keys outlive a stop. */
export class NioClient {
  readonly #process: LineProcess

  private constructor(process: LineProcess) {
    this.#process = process
  }

  static async start(python: string, homeserver: string, account: TestClient, folder: string): Promise<NioClient> {
    const { userId, deviceId, accessToken = '' } = account
    const process = new LineProcess('matrix-nio', python, [SCRIPT, homeserver, userId, deviceId, accessToken, folder])
    await process.hears(({ ready }) => ready === true)
    return new NioClient(process)
  }

  /** The message with this text, once it is decrypted. */
  reads(roomId: string, text: string): Promise<Json> {
    return this.#process.hears((told) => told.room === roomId && told.text === text)
  }

  async join(roomId: string): Promise<void> {
    this.#process.tell({ join: roomId })
    await this.#process.hears(({ joined }) => joined === roomId)
  }

  /** Sends an encrypted text. */
  says(roomId: string, text: string): void {
    this.#process.tell({ room: roomId, say: text })
  }

  stop(): Promise<void> {
    return this.#process.stop()
  }
}
