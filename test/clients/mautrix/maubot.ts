import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { scratchFolder } from '../../support/scratch.ts'
import { freePort } from './bridge.ts'

const PLUGIN = fileURLToPath(new URL('echo-plugin', import.meta.url))
const ADMIN = { username: 'judge', password: 'a password of maubot' }

/** A server of maubot, a system of bots in Python, managed as its page does it. */
export class Maubot implements AsyncDisposable {
  readonly #folder = scratchFolder('maubot')
  readonly #python: string
  readonly #process: ChildProcess
  readonly #api: string
  #token = ''
  #log = ''

  private constructor(python: string, port: number) {
    this.#python = python
    this.#api = `http://127.0.0.1:${port}/_matrix/maubot/v1`
    for (const folder of ['plugins', 'trash']) mkdirSync(join(this.#folder, folder))
    const config = {
      server: { hostname: '127.0.0.1', port, public_url: `http://127.0.0.1:${port}`, unshared_secret: 'generate' },
      admins: { [ADMIN.username]: ADMIN.password },
      crypto_database: 'default',
    }
    writeFileSync(join(this.#folder, 'config.yaml'), JSON.stringify(config))
    this.#process = spawn(python, ['-m', 'maubot', '-c', 'config.yaml'], { cwd: this.#folder })
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (text: Buffer) => {
        this.#log += text.toString()
      })
  }

  static async start(python: string): Promise<Maubot> {
    const maubot = new Maubot(python, await freePort())
    await expect.poll(() => maubot.#logIn(), { message: maubot.#log }).toBe(true)
    return maubot
  }

  /** What it wrote into its log. */
  get log(): string {
    return this.#log
  }

  /** Adds an account by its access token; with a device, the bot encrypts. */
  addClient(homeserver: string, { userId, accessToken, deviceId }: TestClient): Promise<Json> {
    return this.#ask('PUT', `/client/${encodeURIComponent(userId)}`, {
      ...{ homeserver, access_token: accessToken, device_id: deviceId },
      ...{ enabled: true, sync: true, autojoin: true, online: true },
    })
  }

  /** Uploads the plugin that says the same, and runs it as that account. */
  async addEcho(userId: string): Promise<void> {
    execFileSync(this.#python, ['-m', 'zipfile', '-c', join(this.#folder, 'echo.mbp'), 'maubot.yaml', 'echo.py'], {
      cwd: PLUGIN,
    })
    await this.#ask('POST', '/plugins/upload', readFileSync(join(this.#folder, 'echo.mbp')))
    await this.#ask('PUT', '/instance/echo', { type: 'org.example.echo', primary_user: userId, enabled: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return
    const exit = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await exit
  }

  async #logIn(): Promise<boolean> {
    try {
      this.#token = (await this.#ask('POST', '/auth/login', ADMIN)).token
      return true
    } catch {
      return false
    }
  }

  async #ask(method: string, path: string, body: object): Promise<Json> {
    const answer = await fetch(`${this.#api}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}` },
      body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body),
    })
    const told: Json = await answer.json()
    if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${JSON.stringify(told)}`)
    return told
  }
}
