import { randomBytes } from 'node:crypto'
import type { Account } from '../client/account.ts'
import { HttpClient, TargetError } from '../client/http-client.ts'
import { type RegistrationWay, register } from '../client/registration.ts'
import { pauseMs } from '../measure/now.ts'
import { eachOf } from '../measure/workers.ts'

export type TargetOptions = { label: string; url: string; registration: RegistrationWay; pids: readonly number[] }

/** Wide enough for the most workers of any scenario. */
const ordinaryConnections = 64
/** At most so many registrations or joins at a time while a scene is set up: enough to keep a server busy, too few to drown it. */
export const setupWidth = 16
/** While a scene is set up, a 429 is obeyed this often before it counts as a failure. */
const patience = 50

/** A homeserver under test and the accounts the bench has on it. Accounts are kept and reused by later scenarios. */
export class Target {
  readonly label: string
  readonly url: string
  readonly pids: readonly number[]
  readonly http: HttpClient
  readonly #registration: RegistrationWay
  readonly #run = randomBytes(4).toString('hex')
  readonly #accounts: Account[] = []
  #named = 0

  constructor(options: TargetOptions) {
    this.label = options.label
    this.url = options.url
    this.pids = options.pids
    this.#registration = options.registration
    this.http = new HttpClient(options.url, ordinaryConnections)
  }

  /** A word that no earlier call, and very likely no earlier run, has answered: for user names, transaction ids and markers. */
  unique(): string {
    this.#named += 1
    return `${this.#run}-${this.#named}`
  }

  registerOne(): Promise<Account> {
    return register(this.http, this.#registration, `bench-${this.unique()}`)
  }

  /** Hands an account over for reuse by `accounts`. */
  adopt(account: Account): void {
    this.#accounts.push(account)
  }

  /** The first `count` accounts of the pool, registering those that are missing. */
  async accounts(count: number): Promise<Account[]> {
    const missing = Array.from({ length: Math.max(0, count - this.#accounts.length) })
    await eachOf(missing, setupWidth, async () => this.adopt(await patiently(() => this.registerOne())))
    return this.#accounts.slice(0, count)
  }

  async roomWith(members: readonly Account[], name: string): Promise<string> {
    const creator = members[0]
    if (creator === undefined) throw new Error('a room needs a creator')
    const roomId = await patiently(() => creator.createRoom(name))
    await eachOf(members.slice(1), setupWidth, (member) => patiently(() => member.join(roomId)))
    return roomId
  }

  async close(): Promise<void> {
    await this.http.close()
  }
}

/** For setting scenes up: waits as a 429 asks and tries again. Measured calls never go through here. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof TargetError) || error.status !== 429 || attempt >= patience) throw error
      await pauseMs(Math.min(error.retryAfterMs ?? 1000, 30_000))
    }
  }
}
