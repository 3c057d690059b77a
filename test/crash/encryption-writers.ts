import type { Ledger, Settled } from './ledger.ts'
import { type Account, enc, type Json, type Wire } from './wire.ts'
import { RepeatingWriter, type Writer } from './writers.ts'

interface Shared {
  readonly wire: Wire
  readonly ledger: Ledger
}

/** Sends numbered messages to all devices of one user, each with a transaction id of its own. */
export class DirectWriter extends RepeatingWriter<number> {
  readonly #account: Account
  readonly #to: string
  /** The last number that was answered with 200. */
  acknowledged = 0

  constructor(shared: Shared, account: Account, to: string) {
    super(shared.wire, shared.ledger)
    this.#account = account
    this.#to = to
  }

  protected plan(n: number): number {
    return n
  }

  protected async ask(n: number): Promise<boolean> {
    const path = `/v3/sendToDevice/org.example.crash/direct${n}`
    const body = { messages: { [this.#to]: { '*': { n } } } }
    const reply = await this.wire.ask({ method: 'PUT', path, token: this.#account.token, body })
    if (!this.ledger.judge(`message ${n} to a device`, reply)) return false
    this.acknowledged = n
    this.ledger.directMessages += 1
    return true
  }
}

/** A pause in which nothing new comes is no reason to wait. */
const POLL_MS = 100
/** A sync without rooms and presence. */
const FILTER = enc('{"room":{"rooms":[]},"presence":{"types":[]},"account_data":{"types":[]}}')

/** The device that the messages are for: it syncs on and on, each time with the token of the last answer that it got. */
export class Inbox implements Writer {
  readonly #shared: Shared
  readonly #account: Account
  readonly #sender: DirectWriter
  #since: string | undefined
  /** The last number that came, and the last that the server was shown to have come: none up to that may come again. */
  #received = 0
  #shown = 0

  constructor(shared: Shared, account: Account, sender: DirectWriter) {
    this.#shared = shared
    this.#account = account
    this.#sender = sender
  }

  async step(): Promise<Settled> {
    return (await this.#sync(POLL_MS)) === undefined ? 'unanswered' : 'acknowledged'
  }

  /** After a restart: what is there is fetched to its end, and then all that was acknowledged has come; nothing that was shown comes to a new sync. */
  async check(): Promise<void> {
    const { ledger } = this.#shared
    for (let got = 1; got > 0; ) {
      const count = await this.#sync(0)
      if (count === undefined) return
      got = count
    }
    const { acknowledged } = this.#sender
    if (this.#received < acknowledged)
      ledger.lost.push(`messages to a device: ${acknowledged} promised, ${this.#received} came`)
    const fresh = await this.#ask(`filter=${FILTER}`)
    const again = this.#numbersIn(fresh).filter((n) => n <= this.#shown)
    if (again.length > 0) ledger.faults.push(`messages ${again.join()} came again after they were acknowledged`)
  }

  /** Returns how many messages came; undefined: no answer. */
  async #sync(timeoutMs: number): Promise<number | undefined> {
    const since = this.#since === undefined ? '' : `&since=${enc(this.#since)}`
    const shown = this.#since === undefined ? 0 : this.#received
    const reply = await this.#ask(`filter=${FILTER}&timeout=${timeoutMs}${since}`)
    if (reply === undefined) return undefined
    this.#shown = Math.max(this.#shown, shown)
    const numbers = this.#numbersIn(reply)
    for (const n of numbers) {
      if (n !== this.#received + 1)
        this.#shared.ledger.faults.push(`message ${n} to a device came after ${this.#received}`)
      this.#received = n
    }
    this.#since = reply.next_batch
    return numbers.length
  }

  async #ask(query: string): Promise<Json> {
    const { wire, ledger } = this.#shared
    const reply = await wire.ask({ method: 'GET', path: `/v3/sync?${query}`, token: this.#account.token })
    return ledger.judge('a sync of a device', reply) ? reply.body : undefined
  }

  #numbersIn(sync: Json): readonly number[] {
    return (sync?.to_device.events ?? []).map(({ content }: Json) => content.n)
  }
}

const ROOM = '!backup:example.org'
/** Sessions of one request, which come together or not at all. */
const SESSIONS = 3

/** Puts room keys into a backup, a few at a time. */
export class BackupWriter extends RepeatingWriter<number> {
  readonly #account: Account
  #version: string | undefined
  #acknowledged = 0
  #etag = 0

  constructor(shared: Shared, account: Account) {
    super(shared.wire, shared.ledger)
    this.#account = account
  }

  /** After a restart: every key that was acknowledged, of what was asked for all or none, and as many as the version says. */
  async check(): Promise<void> {
    const { lost, faults } = this.ledger
    if (this.#version === undefined) return
    const [all, version] = [await this.#ask('GET', this.#path()), await this.#ask('GET', '/v3/room_keys/version')]
    if (all?.status !== 200 || version?.status !== 200) {
      lost.push(`the backup ${this.#version}: ${all?.status}, ${version?.status}`)
      return
    }
    const stored = Object.keys(all.body.rooms[ROOM]?.sessions ?? {})
    const missing = namesUpTo(this.#acknowledged).filter((name) => !stored.includes(name))
    if (missing.length > 0) lost.push(`keys in a backup: ${missing.join()}`)
    if (stored.length % SESSIONS !== 0) faults.push(`a request's keys are in the backup by halves: ${stored.length}`)
    if (version.body.count !== stored.length || Number(version.body.etag) < this.#etag)
      faults.push(`a backup of ${stored.length} keys says ${JSON.stringify(version.body)} after etag ${this.#etag}`)
  }

  protected plan(n: number): number {
    return n
  }

  protected async ask(n: number): Promise<boolean> {
    if (this.#version === undefined) {
      const creation = { algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2', auth_data: {} }
      const made = await this.#ask('POST', '/v3/room_keys/version', creation)
      if (!this.ledger.judge('a backup', made)) return false
      this.#version = made.body.version
    }
    const key = { first_message_index: 0, forwarded_count: 0, is_verified: true, session_data: { n } }
    const sessions = Object.fromEntries(namesOf(n).map((name) => [name, key]))
    const reply = await this.#ask('PUT', this.#path(), { rooms: { [ROOM]: { sessions } } })
    if (!this.ledger.judge(`keys ${n} for a backup`, reply)) return false
    this.#acknowledged = n
    this.#etag = Number(reply.body.etag)
    this.ledger.backedUpKeys += SESSIONS
    return true
  }

  #path(): string {
    return `/v3/room_keys/keys?version=${this.#version}`
  }

  #ask(method: 'GET' | 'PUT' | 'POST', path: string, body?: unknown) {
    return this.wire.ask({ method, path, token: this.#account.token, body })
  }
}

const namesOf = (n: number): readonly string[] => Array.from({ length: SESSIONS }, (_, index) => `s${n}-${index}`)
const namesUpTo = (last: number): readonly string[] => Array.from({ length: last }, (_, n) => namesOf(n + 1)).flat()

/** Uploads a one-time key and claims one, again and again. */
export class KeyWriter extends RepeatingWriter<number> {
  readonly #account: Account
  readonly #deviceId: string
  readonly #given = new Set<string>()
  #uploaded = 0

  constructor(shared: Shared, account: Account, deviceId: string) {
    super(shared.wire, shared.ledger)
    this.#account = account
    this.#deviceId = deviceId
  }

  protected plan(n: number): number {
    return n
  }

  protected async ask(n: number): Promise<boolean> {
    const { token, userId } = this.#account
    if (this.#uploaded < n) {
      const body = { one_time_keys: { [`signed_curve25519:k${n}`]: { key: `key ${n}`, signatures: {} } } }
      const uploaded = await this.wire.ask({ method: 'POST', path: '/v3/keys/upload', token, body })
      if (!this.ledger.judge(`one-time key ${n}`, uploaded)) return false
      this.#uploaded = n
    }
    const wanted = { one_time_keys: { [userId]: { [this.#deviceId]: 'signed_curve25519' } } }
    const claimed = await this.wire.ask({ method: 'POST', path: '/v3/keys/claim', token, body: wanted })
    if (!this.ledger.judge(`claim ${n}`, claimed)) return false
    for (const name of Object.keys(claimed.body.one_time_keys[userId]?.[this.#deviceId] ?? {})) {
      if (this.#given.has(name)) this.ledger.faults.push(`the one-time key ${name} was handed out twice`)
      this.#given.add(name)
    }
    this.ledger.claims += 1
    return true
  }
}
