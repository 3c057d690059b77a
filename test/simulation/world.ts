import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UserId } from '#spec'
import { writers } from '#store'
import type { BusMessage } from '#streams'
import type { GroupAnswer } from '../../src/store/sql/engine/commit-queue.ts'
import { Dice } from '../crash/dice.ts'
import { Ledger, type LedgerEntry } from './ledger.ts'
import {
  anyOperation,
  type Choice,
  createRoom,
  join as joinRoom,
  message,
  type Operation,
  receipt,
} from './operations.ts'
import { makeDatabase, openObserver } from './process-store.ts'
import { Replay, type ReplayedRoom, sameList } from './replay.ts'
import { SERVER_NAME, ServerProcess } from './server-process.ts'
import { SyncingClient } from './syncing-client.ts'
import { insist, Violation } from './violation.ts'
import { VirtualTime } from './virtual-time.ts'

/**
 * `writes`: they are refused, fail, or lose their answers. `order`: commits of one process overtake each other. `news`: what the other
 * processes are told is lost or comes late. `clients`: they ask now this process, now that one.
 */
export const FAULTS = ['writes', 'order', 'news', 'clients'] as const
export type Fault = (typeof FAULTS)[number]

export interface WorldOptions {
  readonly seed: number
  readonly processes: number
  readonly operations: number
  readonly faults: readonly Fault[]
  /** How many restarts at most. */
  readonly restarts: number
}

const CLIENTS = 4
const NAMES = 'ABC'
const MAX_STEPS = 2_000
const MAX_HEALING = 5_000
const LONG_POLL_MS = 30_000

/** Requests a client repeats: it did not hear, or does not believe it. */
interface Repeatable {
  readonly client: SyncingClient
  readonly operation: Operation
}

/** Some processes of one homeserver over one database, their clients, and everything between them, moved by one seed. */
export class World {
  readonly trace: string[] = []
  readonly #options: WorldOptions
  readonly #dice: Dice
  readonly #time = new VirtualTime()
  readonly #folder = mkdtempSync(join(shortLived(), 'homeroom-simulation-'))
  readonly #path = join(this.#folder, 'homeroom.db')
  readonly #observer: ReturnType<typeof openObserver>
  readonly #replay: Replay
  readonly #ledger: Ledger
  readonly #processes: ServerProcess[] = []
  readonly #clients: SyncingClient[] = []
  readonly #sent: Repeatable[] = []
  readonly #byProcess = new Map<ServerProcess, LedgerEntry[]>()
  readonly #gathersInserts: boolean
  readonly #heldReads: number
  #violation: Error | undefined
  #begun = 0
  #restarts = 0
  #step = 0
  #isDisturbed = false

  constructor(options: WorldOptions) {
    this.#options = options
    this.#dice = new Dice(options.seed)
    this.#gathersInserts = this.#dice.chance(0.5)
    this.#heldReads = this.#dice.pick([0, 0, 5, 50])
    makeDatabase(this.#path)
    this.#observer = openObserver(this.#path)
    this.#replay = new Replay(this.#observer.readers)
    this.#ledger = new Ledger(this.#replay)
  }

  /** Throws the first `Violation`. */
  async run(): Promise<void> {
    try {
      await this.#begin()
      while (this.#begun < this.#options.operations && this.#step < MAX_STEPS) await this.#oneStep()
      await this.#heal()
      await this.#finish()
    } finally {
      for (const client of this.#clients) client.giveUp()
      for (const process of this.#processes) await process.kill()
      await this.#observer.close()
      rmSync(this.#folder, { recursive: true, force: true })
    }
  }

  async #begin(): Promise<void> {
    for (const name of NAMES.slice(0, this.#options.processes)) this.#processes.push(await this.#startProcess(name))
    for (let index = 0; index < CLIENTS; index++) {
      const userId = `@u${index}:${SERVER_NAME}` as UserId
      const account = { userId, passwordHash: undefined, guest: false, admin: false, createdAtMs: this.#time.nowMs }
      const created = this.#process(0).storage.store.commit([writers.accounts.create(account)])
      await this.#runAll()
      const [user] = await created
      this.#clients.push(this.#client(index, userId, user))
    }
    for (const index of [0, 1]) this.#request(this.#process(0), createRoom(this.#choice(), this.#client0(index)))
    await this.#runAll()
    for (const room of this.#replay.rooms.values())
      for (const client of this.#clients.slice(0, this.#dice.between(1, CLIENTS)))
        this.#request(this.#process(0), joinRoom(client, room))
    await this.#runAll()
    for (const process of this.#processes) process.storage.heldReads = this.#heldReads
    this.#isDisturbed = true
  }

  #client(index: number, userId: UserId, user: number): SyncingClient {
    const timelineLimit = this.#dice.pick([1, 3, 10, 100])
    return new SyncingClient({
      name: `u${index}`,
      userId,
      user,
      device: index + 1,
      timelineLimit,
      replay: this.#replay,
    })
  }

  #client0(index: number): SyncingClient {
    return at(this.#clients, index)
  }

  #process(index: number): ServerProcess {
    return at(this.#processes, index)
  }

  #has(fault: Fault): boolean {
    return this.#options.faults.includes(fault)
  }

  /** A client's process: it comes back to it, as behind a balancer that knows it, unless it is one of those that go anywhere. */
  #home(client: SyncingClient): ServerProcess {
    if (this.#has('clients')) return this.#dice.pick(this.#processes)
    return this.#process(client.device % this.#processes.length)
  }

  #startProcess(name: string): Promise<ServerProcess> {
    return ServerProcess.start({
      name,
      path: this.#path,
      time: this.#time,
      dice: this.#dice.fork(),
      gathersInserts: this.#gathersInserts,
      number: Math.max(0, NAMES.indexOf(name)),
      onAnswer: (from, answer) => this.#answer(from, answer),
      onNews: (from, message) => this.#spread(from, message),
    })
  }

  #answer(from: ServerProcess, answer: GroupAnswer): void {
    from.inbox.push({ kind: 'answer', answer })
    this.#note(`${from.name} wrote: ${answer.outcomes.map(outcomeText).join()}`)
  }

  /** Who is killed before it hears of its commit tells nobody. */
  #spread(from: ServerProcess, message: BusMessage): void {
    for (const other of this.#processes) {
      if (other === from) continue
      const isLost = this.#isDisturbed && this.#has('news') && this.#dice.chance(0.1)
      if (isLost) this.#note(`${other.name} is not told`)
      else other.inbox.push({ kind: 'news', message })
    }
  }

  // ---- one step ----

  async #oneStep(): Promise<void> {
    this.#step++
    this.#time.nowMs += this.#dice.between(0, 20)
    const options = this.#moves()
    const total = options.reduce((sum, [weight]) => sum + weight, 0)
    let left = this.#dice.next() * total
    for (const [weight, move] of options) {
      left -= weight
      if (left > 0) continue
      await move()
      break
    }
    await this.#settle()
  }

  #moves(): (readonly [number, () => void | Promise<void>])[] {
    const moves: (readonly [number, () => void | Promise<void>])[] = [
      [12, () => this.#beginOperation()],
      [8, () => this.#beginSync()],
      [1, () => this.#passTime(this.#dice.between(1, 400))],
      [0.3, () => this.#clientGivesUp()],
    ]
    for (const process of this.#processes) {
      const { storage, inbox } = process
      if (storage.submitted > 0) moves.push([8, () => this.#letThrough(process)])
      if (inbox.length > 0) moves.push([10, () => this.#deliver(process)])
      if (storage.slowReads > 0) moves.push([8, () => this.#releaseRead(process)])
      if (this.#restarts < this.#options.restarts) moves.push([0.3, () => this.#restart(process)])
    }
    return moves
  }

  /** After each decision: all that follows from it happens, and what came into the database is checked. */
  async #settle(): Promise<void> {
    await this.#time.quiet()
    await this.#replay.follow()
    if (this.#violation !== undefined) throw this.#violation
  }

  #note(text: string): void {
    this.trace.push(`${this.#step} ${text}`)
  }

  #guarded(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.#violation ??= error instanceof Error ? error : new Violation(String(error))
    }
  }

  #choice(): Choice {
    return { dice: this.#dice, replay: this.#replay, clients: this.#clients, number: ++this.#begun }
  }

  #beginOperation(): void {
    const process = this.#dice.pick(this.#processes)
    const repeat = this.#sent.length > 0 && this.#dice.chance(0.1)
    if (repeat) {
      const { operation } = this.#dice.pick(this.#sent)
      this.#begun++
      this.#request(process, { ...operation, text: `again: ${operation.text}` })
      return
    }
    if (this.#replay.rooms.size < 4 && this.#dice.chance(0.04)) {
      this.#createRooms(process)
      return
    }
    const room = this.#dice.pick([...this.#replay.rooms.values()])
    const client = this.#actorIn(room)
    // A burst of messages by one client, which run ahead of each other.
    const burst = this.#dice.chance(0.1) ? this.#dice.between(2, 4) : 0
    for (let one = 0; one < burst; one++) {
      const choice = this.#choice()
      this.#request(process, message(client, room, `m${choice.number}`), client)
    }
    if (burst === 0) this.#request(process, anyOperation(this.#choice(), client, room), client)
  }

  /** Sometimes two alike in one moment, by two processes: they must not become one. */
  #createRooms(process: ServerProcess): void {
    const operation = createRoom(this.#choice(), this.#dice.pick(this.#clients))
    const others = this.#dice.chance(0.3) ? this.#processes.filter((other) => other !== process) : []
    for (const one of [process, ...others]) this.#request(one, operation)
  }

  /** Mostly somebody who is in the room; others are refused nearly everything. */
  #actorIn(room: ReplayedRoom): SyncingClient {
    const members = this.#clients.filter(({ userId }) => room.membershipAt(userId, Number.MAX_SAFE_INTEGER) === 'join')
    return this.#dice.pick(members.length > 0 && this.#dice.chance(0.7) ? members : this.#clients)
  }

  #request(process: ServerProcess, operation: Operation, client?: SyncingClient): void {
    this.#note(`${process.name}: ${operation.text}`)
    const entry = this.#ledger.begin(operation)
    const ofProcess = this.#byProcess.get(process) ?? []
    this.#byProcess.set(process, [...ofProcess, entry])
    if (operation.transaction !== undefined && client !== undefined) this.#sent.push({ client, operation })
    operation.run(process).then(
      (eventId) => {
        this.#note(`done: ${operation.text}`)
        this.#guarded(() => this.#ledger.done(entry, eventId))
      },
      (error: unknown) => {
        this.#guarded(() => this.#note(`${this.#ledger.failed(entry, error)}: ${operation.text}`))
      },
    )
  }

  #beginSync(): void {
    const client = this.#dice.pick(this.#clients)
    if (client.waiting !== undefined) return
    this.#sync(client, this.#dice.pick([0, LONG_POLL_MS]))
  }

  #sync(client: SyncingClient, timeoutMs: number): void {
    const process = this.#home(client)
    this.#note(`${process.name}: ${client.name} syncs since ${client.since}, waits ${timeoutMs}`)
    // Not every answer reaches the client; it asks again from where it was.
    const isLost = timeoutMs > 0 && this.#dice.chance(0.05)
    void client.ask(process, timeoutMs, (answer) => {
      this.#guarded(() => {
        if (isLost) return this.#note(`${client.name} does not get its answer`)
        if (answer instanceof Error) throw new Violation(`${client.name} syncs: ${String(answer)}`)
        client.take(answer)
        this.#note(`${client.name} is at ${client.since}`)
      })
    })
  }

  async #letThrough(process: ServerProcess): Promise<void> {
    const { storage } = process
    const count = this.#dice.chance(0.3) ? storage.submitted : this.#dice.between(1, storage.submitted)
    const isOvertaken = count < storage.submitted && this.#has('order') && this.#dice.chance(0.1)
    const from = isOvertaken ? this.#dice.between(1, storage.submitted - count) : 0
    const faults = ['is busy', 'fails', 'loses its answer'] as const
    const fault = this.#has('writes') && this.#dice.chance(0.06) ? this.#dice.pick(faults) : 'none'
    this.#note(`${process.name} writes ${count} of ${storage.submitted} commits from ${from}, fault: ${fault}`)
    storage.connection.nextFault = fault
    await storage.letThrough(count, from)
    // Before anything is acknowledged: what is, must be there.
    await this.#replay.follow()
    storage.connection.nextFault = 'none'
  }

  #deliver(process: ServerProcess): void {
    const late =
      this.#has('news') && this.#dice.chance(0.2) ? process.inbox.findIndex(({ kind }) => kind === 'news') : -1
    if (late !== -1 && late < process.inbox.length - 1) process.inbox.push(...process.inbox.splice(late, 1))
    const mail = process.inbox.shift()
    if (mail === undefined) return
    this.#note(`${process.name} gets ${mail.kind}`)
    process.receive(mail)
  }

  #releaseRead(process: ServerProcess): void {
    const index = this.#dice.between(0, process.storage.slowReads - 1)
    this.#note(`${process.name} gets slow read ${index}`)
    process.storage.releaseRead(index)
  }

  #passTime(ms: number): void {
    this.#time.nowMs += ms
    this.#note(`time passes: ${ms} ms`)
    for (const process of this.#processes) process.clock.fireDue()
  }

  #clientGivesUp(): void {
    const client = this.#dice.pick(this.#clients)
    if (client.waiting === undefined) return
    this.#note(`${client.name} gives up`)
    client.giveUp()
  }

  async #restart(old: ServerProcess): Promise<void> {
    this.#restarts++
    this.#note(`${old.name} is killed`)
    for (const client of this.#clients) if (client.waiting?.process === old) client.giveUp()
    for (const entry of this.#byProcess.get(old) ?? []) this.#ledger.forget(entry)
    await old.kill()
    const started = await this.#startProcess(old.name)
    started.storage.heldReads = this.#heldReads
    this.#processes[this.#processes.indexOf(old)] = started
  }

  // ---- the end ----

  /** Until nothing is under way any more but long polls. */
  async #runAll(): Promise<void> {
    for (let round = 0; round < MAX_HEALING; round++) {
      await this.#settle()
      if (await this.#move()) continue
      if (this.#ledger.underWay.length === 0 && this.#processes.every(({ storage }) => storage.submitted === 0)) return
      const due = this.#processes.flatMap(({ clock }) => clock.nextMs ?? [])
      insist(
        due.length > 0,
        () => `nothing goes on: ${this.#ledger.underWay.map(({ operation }) => operation.text).join()}`,
      )
      this.#passTime(Math.max(0, Math.min(...due) - this.#time.nowMs))
    }
    throw new Violation('the run does not come to rest')
  }

  async #move(): Promise<boolean> {
    let moved = false
    for (const process of this.#processes) {
      while (process.storage.slowReads > 0) {
        process.storage.releaseRead(0)
        moved = true
      }
      if (process.storage.submitted > 0) {
        await process.storage.letThrough(process.storage.submitted)
        await this.#replay.follow()
        moved = true
      }
      for (const mail of process.inbox.splice(0)) {
        process.receive(mail)
        moved = true
      }
    }
    return moved
  }

  async #heal(): Promise<void> {
    this.#note('nothing goes wrong any more')
    this.#isDisturbed = false
    for (const process of this.#processes) process.storage.heldReads = 0
    await this.#runAll()
    // What was lost of a stream is found out by what comes next in it.
    for (const process of this.#processes) {
      this.#request(process, createRoom(this.#choice(), this.#client0(0)))
      const room = this.#dice.pick([...this.#replay.rooms.values()])
      const client = this.#actorIn(room)
      this.#request(process, receipt(this.#choice(), client, room), client)
    }
    await this.#runAll()
    // Whoever asks what became of a commit without an answer has asked by then.
    for (let round = 0; round < 3; round++) {
      this.#passTime(300)
      await this.#runAll()
    }
  }

  async #finish(): Promise<void> {
    await this.#replay.compare()
    for (const room of this.#replay.rooms.values()) {
      const past = this.#dice.pick(room.events).position
      await this.#replay.comparePast(room, past)
    }
    this.#ledger.check()
    for (const client of this.#clients) await this.#checkWoken(client)
    for (const client of this.#clients) await this.#checkCaughtUp(client)
    for (const client of this.#clients) await this.#time.until(client.checkHistory(this.#home(client)))
    await this.#checkRestarted()
  }

  /** Who still waits has nothing to be told. */
  async #checkWoken(client: SyncingClient): Promise<void> {
    if (client.waiting === undefined || client.since === undefined) return
    const { process } = client.waiting
    const text = await this.#look(client, process, client.since)
    const { rooms } = JSON.parse(text) as { readonly rooms: Readonly<Record<string, object>> }
    const news = Object.values(rooms).flatMap((section) => Object.keys(section))
    insist(news.length === 0, () => `${client.name} was not woken for ${news.join()}`)
    client.giveUp()
  }

  async #look(client: SyncingClient, process: ServerProcess, since: string | undefined): Promise<string> {
    const answer = await this.#time.until(client.look(process, since, 0))
    if (typeof answer !== 'string') throw new Violation(`${client.name} waits, though it has no time`)
    return answer
  }

  async #checkCaughtUp(client: SyncingClient): Promise<void> {
    client.take(await this.#look(client, this.#home(client), client.since))
    for (const room of this.#replay.rooms.values()) {
      const held = client.rooms.get(room.roomId)
      if (held?.membership !== 'join') continue
      const [told, is] = [held.joinedCount, room.count('join')]
      insist(told === is, () => `${client.name} was told of ${told} members of ${room.roomId}, not of ${is}`)
    }
  }

  /** A process that starts now counts as those do that have counted all along. */
  async #checkRestarted(): Promise<void> {
    const fresh = await this.#startProcess('fresh')
    try {
      for (const client of this.#clients) {
        const { rooms } = JSON.parse(await this.#look(client, fresh, undefined)) as ReturnType<SyncingClient['take']>
        const [now, before] = [new Map<string, number>(), new Map<string, number>()]
        for (const [roomId, section] of Object.entries(rooms.join))
          now.set(roomId, section.unread_notifications?.notification_count ?? 0)
        for (const [roomId, held] of client.rooms) if (held.membership === 'join') before.set(roomId, held.unread ?? 0)
        const lines = (counts: ReadonlyMap<string, number>): string[] =>
          [...counts].map(([roomId, count]) => `${roomId} ${count}`)
        sameList(`${client.name}: unread counts before a restart`, lines(before).sort(), lines(now).sort())
      }
    } finally {
      await fresh.kill()
    }
  }
}

const outcomeText = (outcome: GroupAnswer['outcomes'][number]): string =>
  outcome.kind === 'conflict' ? outcome.conflict : outcome.kind

const at = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index]
  if (item === undefined) throw new Error(`there is no item ${index}`)
  return item
}

/** A file system in memory, where the machine has one. */
const shortLived = (): string => (process.platform === 'linux' ? '/dev/shm' : tmpdir())
