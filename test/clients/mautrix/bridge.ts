import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scratchFolder } from '../../support/scratch.ts'
import { LineProcess } from '../line-process.ts'

/** A Python that has mautrix and maubot with end-to-end encryption: the gate makes one. */
export const MAUTRIX: string | undefined = process.env.HOMEROOM_TEST_MAUTRIX

const SCRIPT = fileURLToPath(new URL('bridge.py', import.meta.url))

export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

export interface BridgePlace {
  readonly python: string
  readonly homeserver: { readonly address: string; readonly domain: string }
  /** As in the bridge's own configuration. */
  readonly doublePuppet?: object
}

/** A bridge made with mautrix, set up as its operator does: a configuration, a registration that it writes, and a start. */
export class MautrixBridge {
  readonly #python: string
  readonly #folder = scratchFolder('mautrix')
  #process: LineProcess | undefined

  private constructor(python: string) {
    this.#python = python
  }

  static async setUp({ python, homeserver, doublePuppet }: BridgePlace): Promise<MautrixBridge> {
    const bridge = new MautrixBridge(python)
    const port = await freePort()
    const config = {
      homeserver,
      appservice: { address: `http://127.0.0.1:${port}`, hostname: '127.0.0.1', port },
      bridge: { double_puppet: doublePuppet ?? null },
    }
    writeFileSync(join(bridge.#folder, 'config.yaml'), JSON.stringify(config))
    execFileSync(python, [SCRIPT, '-g', '-c', 'config.yaml', '-r', 'registration.yaml'], { cwd: bridge.#folder })
    return bridge
  }

  /** The registration that it wrote, as YAML. */
  get registration(): string {
    return readFileSync(join(this.#folder, 'registration.yaml'), 'utf8')
  }

  get process(): LineProcess {
    if (this.#process === undefined) throw new Error('the bridge is stopped')
    return this.#process
  }

  async start(): Promise<void> {
    const process = new LineProcess('the bridge', this.#python, [SCRIPT, '-c', 'config.yaml'], { cwd: this.#folder })
    this.#process = process
    await process.hears(({ ready }) => ready === true)
  }

  async stop(): Promise<void> {
    await this.#process?.stop('SIGTERM')
    this.#process = undefined
  }
}
