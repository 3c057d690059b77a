import type { MailServer } from '../support/other-servers/smtp.ts'
import { ServerProcess, type ServerSetup } from '../support/server-process.ts'
import { Dice } from './dice.ts'
import { BackupWriter, DirectWriter, Inbox, KeyWriter } from './encryption-writers.ts'
import { Ledger } from './ledger.ts'
import { pause, until } from './pause.ts'
import { AddressWriter, PersonalWriter } from './personal-writers.ts'
import { Verdict } from './verdict.ts'
import { Watcher } from './watcher.ts'
import { type Account, enc, register, Wire } from './wire.ts'
import { AccountDataWriter, MessageWriter, Registrar, RoomMaker, StateWriter, type Writer } from './writers.ts'

export interface RunOptions {
  /** What the summary calls it. */
  readonly name: string
  readonly setup: ServerSetup
  /** That of the setup. */
  readonly mails: MailServer
  readonly seed: number
}

/** So long after the first answer under load, in milliseconds. */
const LEAST_LIFE_MS = 50
const LONGEST_LIFE_MS = 600
/** The chance that a server is killed while it starts, before one is let up. */
const KILLED_AT_START = 0.1
const ROOMS = 3
const MESSAGE_WRITERS = 6
const WATCHED_LIMIT = 1_000
/** The second watcher comes back seldom, and to more news than it takes at once. */
const SELDOM_LIMIT = 15
const SELDOM_EVERY = 7
const FIRST_ANSWER_MS = 20_000
const LONG_POLL_MS = 5_000
const PAUSE_AFTER_REFUSAL_MS = 20

/** One homeserver, its load and its watchers, over all its lives. */
export class CrashRun {
  readonly ledger = new Ledger()
  readonly dice: Dice
  readonly #options: RunOptions
  readonly #wire: Wire
  readonly #startUpsMs: number[] = []
  #server: ServerProcess
  #writers: Writer[] = []
  #watchers: readonly [Watcher, Watcher] | undefined
  #verdict: Verdict | undefined
  readonly #logs: string[] = []
  #kills = 0
  #killsAtStart = 0

  constructor(options: RunOptions) {
    this.#options = options
    this.dice = new Dice(options.seed)
    this.#wire = new Wire(() => this.#server.url)
    this.#server = new ServerProcess(options.setup)
  }

  /** The first start of all is cut off twice, in the middle of making key and schema; then accounts and rooms are made. */
  async open(): Promise<void> {
    await this.#killAtStart()
    this.#server = new ServerProcess(this.#options.setup)
    await this.#killAtStart()
    // Node keeps compiled code only when it ends in good order: once, so that the starts to come are like those of every day.
    await this.#start()
    await this.#server.terminate()
    await this.#start()
    const owner = await register(this.#wire, 'watched')
    const writers = await Promise.all(['one', 'two', 'three'].map((name) => register(this.#wire, name)))
    const rooms: string[] = []
    for (let room = 0; room < ROOMS; room += 1) rooms.push(await this.#makeRoom(owner, writers))
    await this.#prepare(owner, writers, await register(this.#wire, 'maker'), rooms)
  }

  /** A life: the restart is judged, then there is load until the server is killed at a random moment. */
  async live(): Promise<void> {
    const lifeMs = this.dice.between(LEAST_LIFE_MS, LONGEST_LIFE_MS)
    const before = this.ledger.acknowledgedWrites
    const load = this.#load(() => false)
    // On a busy machine the first answers take longest: what is killed shall be a server at work.
    await until('a first answer', FIRST_ANSWER_MS, async () => this.ledger.acknowledgedWrites > before || undefined)
    await pause(lifeMs)
    await this.#kill()
    await load
    if (this.dice.chance(KILLED_AT_START)) {
      this.#server = new ServerProcess(this.#options.setup)
      await this.#killAtStart()
    }
    await this.#start()
    await this.#judgeRestart()
  }

  /** Load on a server that stays up, while `disturb` runs. Afterwards all must still be there. */
  async disturbed(disturb: () => Promise<void>): Promise<void> {
    this.ledger.mayBeUnavailable = true
    let over = false
    const load = this.#load(() => over)
    try {
      await disturb()
    } finally {
      over = true
      await load
    }
    this.ledger.mayBeUnavailable = false
    await this.#judgeRestart()
  }

  /** What is still unanswered is asked for until it is answered; then everything is looked at again, from the beginning. */
  async close(): Promise<void> {
    for (const writer of this.#writers) {
      if ((await writer.step()) === 'unanswered') throw new Error('a healthy server did not answer')
    }
    const watchers = this.#watchersMade()
    for (const watcher of watchers) await watcher.sync(0)
    await this.#verdictMade().atTheEnd(watchers)
    await this.#server.terminate()
    this.#logs.push(this.#server.errors)
  }

  /** In any case. */
  async stop(): Promise<void> {
    this.#wire.reset()
    await this.#server.kill()
  }

  get kills(): number {
    return this.#kills
  }

  /** Whether the gaps that a seldom client has to fill came up at all. */
  get limitedTimelines(): number {
    return this.#watchersMade()[1].limitedTimelines
  }

  /** What the servers logged in the lives in which something went wrong. */
  get logs(): string {
    return this.#logs.join('\n')
  }

  summary(what = `${this.#kills} kills under load and ${this.#killsAtStart} while starting`): string {
    const { name, seed } = this.#options
    const sorted = this.#startUpsMs.toSorted((one, other) => one - other)
    const median = Math.round(sorted[sorted.length >> 1] ?? 0)
    const slowest = Math.round(sorted.at(-1) ?? 0)
    return `crash test, ${name}: ${what}, ${this.ledger.summary()}; start-up ${median} ms median, ${slowest} ms at most; seed ${seed}`
  }

  async #prepare(
    owner: Account,
    accounts: readonly Account[],
    makerAccount: Account,
    rooms: readonly string[],
  ): Promise<void> {
    const shared = { wire: this.#wire, ledger: this.ledger, dice: this.dice }
    const firstRoom = rooms[0] ?? ''
    const persons = await Promise.all(['person', 'addressee'].map((name) => register(this.#wire, name)))
    const [person = owner, addressee = owner] = persons
    const friends = accounts.map(({ userId }) => userId)
    // Only who lists back is seen on a list.
    for (const { userId, token } of accounts) {
      const path = `/r0/presence/list/${enc(userId)}`
      await this.#wire.ok({ method: 'POST', path, token, body: { invite: [person.userId] } })
    }
    const personal = [
      new PersonalWriter(shared, person, friends),
      new AddressWriter(shared, addressee, this.#options.mails, () => this.#server.url),
    ]
    const direct = new DirectWriter(shared, person, addressee.userId)
    const inbox = new Inbox(shared, addressee, direct)
    const backups = new BackupWriter(shared, person)
    const { device_id } = await this.#wire.ok({ method: 'GET', path: '/v3/account/whoami', token: person.token })
    const maker = new RoomMaker(shared, makerAccount, owner.userId, 'made')
    for (let index = 0; index < MESSAGE_WRITERS; index += 1) {
      const account = accounts[index % accounts.length] ?? owner
      this.#writers.push(new MessageWriter(shared, `message${index}`, account, rooms))
    }
    const keys = (name: string): readonly string[] => [`${name}.a`, `${name}.b`, `${name}.c ${firstRoom}`]
    this.#writers.push(
      new StateWriter(shared, 'state', owner, firstRoom),
      new AccountDataWriter(shared, owner, keys('org.example.first')),
      new AccountDataWriter(shared, owner, keys('org.example.second')),
      new Registrar(shared, 'new'),
      maker,
      ...personal,
      ...[direct, inbox, backups, new KeyWriter(shared, person, device_id)],
    )
    this.#watchers = [
      new Watcher(shared, 'constant watcher', owner, WATCHED_LIMIT),
      new Watcher(shared, 'seldom watcher', owner, SELDOM_LIMIT),
    ]
    for (const watcher of this.#watchers) {
      if (!(await watcher.sync(0))) throw new Error('the first sync was not answered')
    }
    this.#verdict = new Verdict({
      wire: this.#wire,
      ledger: this.ledger,
      owner,
      maker,
      personal: [...personal, inbox, backups],
    })
  }

  async #makeRoom(owner: Account, writers: readonly Account[]): Promise<string> {
    const body = { preset: 'public_chat' }
    const made = await this.#wire.ok({ method: 'POST', path: '/v3/createRoom', token: owner.token, body })
    for (const { token } of writers) {
      await this.#wire.ok({ method: 'POST', path: `/v3/join/${enc(made.room_id)}`, token, body: {} })
    }
    return made.room_id
  }

  /** All writers and the constant watcher at once, each until it is not answered any more, or until it is over. */
  async #load(over: () => boolean): Promise<void> {
    const patient = this.ledger.mayBeUnavailable
    const [constant] = this.#watchersMade()
    const watch = async (): Promise<void> => {
      while (!over()) if (!(await constant.sync(LONG_POLL_MS)) && !(await this.#again(patient))) return
    }
    const write = async (writer: Writer): Promise<void> => {
      while (!over()) if ((await writer.step()) === 'unanswered' && !(await this.#again(patient))) return
    }
    await Promise.all([watch(), ...this.#writers.map(write)])
  }

  async #again(patient: boolean): Promise<boolean> {
    if (patient) await pause(PAUSE_AFTER_REFUSAL_MS)
    return patient
  }

  async #judgeRestart(): Promise<void> {
    const [constant, seldom] = this.#watchersMade()
    if (!(await constant.sync(0))) this.ledger.faults.push('the server does not answer after its restart')
    if (this.#kills % SELDOM_EVERY === 0) await seldom.sync(0)
    await this.#verdictMade().afterRestart(constant)
  }

  async #start(): Promise<void> {
    this.#wire.reset()
    this.#server = new ServerProcess(this.#options.setup)
    await this.#server.ready()
    this.#startUpsMs.push(this.#server.startUpMs)
  }

  async #kill(): Promise<void> {
    const { code, signal } = await this.#server.kill()
    const { errors } = this.#server
    if (errors !== '') this.#logs.push(errors)
    if (signal !== 'SIGKILL') throw new Error(`the server had ended by itself (${signal ?? code}): ${errors}`)
    this.#kills += 1
  }

  async #killAtStart(): Promise<void> {
    const usualMs = this.#startUpsMs.at(-1) ?? 1_000
    await pause(this.dice.between(0, Math.round(usualMs)))
    const { code, signal } = await this.#server.kill()
    if (signal !== 'SIGKILL') throw new Error(`the start had failed (${signal ?? code}): ${this.#server.errors}`)
    this.#killsAtStart += 1
  }

  #watchersMade(): readonly [Watcher, Watcher] {
    if (this.#watchers === undefined) throw new Error('the run was not opened')
    return this.#watchers
  }

  #verdictMade(): Verdict {
    if (this.#verdict === undefined) throw new Error('the run was not opened')
    return this.#verdict
  }
}
