import type { Dice } from './dice.ts'
import { type Ledger, MARK, type Settled } from './ledger.ts'
import { type Account, enc, login, registration, type Wire } from './wire.ts'

/** Does one thing after another; what was not answered it asks for again, the same as before, until it is. */
export interface Writer {
  step(): Promise<Settled>
}

export interface PendingPlan {
  readonly n: number
  readonly askedAt: number
  tries: number
}

export abstract class RepeatingWriter<Plan> implements Writer {
  protected readonly wire: Wire
  protected readonly ledger: Ledger
  #plan: (PendingPlan & { readonly plan: Plan }) | undefined
  #n = 0

  constructor(wire: Wire, ledger: Ledger) {
    this.wire = wire
    this.ledger = ledger
  }

  async step(): Promise<Settled> {
    if (this.#plan === undefined) {
      this.#n += 1
      this.#plan = { n: this.#n, askedAt: this.ledger.tick(), tries: 0, plan: this.plan(this.#n) }
    }
    const pending = this.#plan
    pending.tries += 1
    if (pending.tries > 1) this.ledger.askedAgain += 1
    const done = await this.ask(pending.plan, pending)
    if (!done) return 'unanswered'
    this.#plan = undefined
    return 'acknowledged'
  }

  /** What was asked for and not answered. */
  get pending(): Plan | undefined {
    return this.#plan?.plan
  }

  protected abstract plan(n: number): Plan
  /** True where it was acknowledged, and written into the ledger. */
  protected abstract ask(plan: Plan, pending: PendingPlan): Promise<boolean>
}

/** Sends messages into rooms picked at random, each with a transaction id of its own. */
export class MessageWriter extends RepeatingWriter<{ readonly roomId: string }> {
  readonly #name: string
  readonly #account: Account
  readonly #rooms: readonly string[]
  readonly #dice: Dice

  constructor(
    shared: { readonly wire: Wire; readonly ledger: Ledger; readonly dice: Dice },
    name: string,
    account: Account,
    rooms: readonly string[],
  ) {
    super(shared.wire, shared.ledger)
    this.#name = name
    this.#account = account
    this.#rooms = rooms
    this.#dice = shared.dice.fork()
  }

  protected plan(): { readonly roomId: string } {
    return { roomId: this.#dice.pick(this.#rooms) }
  }

  protected async ask({ roomId }: { readonly roomId: string }, { n, askedAt }: PendingPlan): Promise<boolean> {
    const writer = this.#name
    const body = { msgtype: 'm.text', body: `${writer} ${n}`, [MARK]: { writer, n } }
    const path = `/v3/rooms/${enc(roomId)}/send/m.room.message/${writer}-${n}`
    const reply = await this.wire.ask({ method: 'PUT', path, token: this.#account.token, body })
    if (!this.ledger.judge(`message ${writer} ${n}`, reply)) return false
    const acknowledgedAt = this.ledger.tick()
    this.ledger.events.push({ roomId, writer, n, eventId: reply.body.event_id, askedAt, acknowledgedAt })
    return true
  }
}

/** Sets one piece of state again and again. Setting what is set already sends nothing, so that asking again is safe here too. */
export class StateWriter extends RepeatingWriter<null> {
  readonly #name: string
  readonly #account: Account
  readonly #roomId: string

  constructor(
    shared: { readonly wire: Wire; readonly ledger: Ledger },
    name: string,
    account: Account,
    roomId: string,
  ) {
    super(shared.wire, shared.ledger)
    this.#name = name
    this.#account = account
    this.#roomId = roomId
  }

  protected plan(): null {
    return null
  }

  protected async ask(_plan: null, { n, askedAt }: PendingPlan): Promise<boolean> {
    const [writer, roomId] = [this.#name, this.#roomId]
    const path = `/v3/rooms/${enc(roomId)}/state/${MARK}/${writer}`
    const body = { [MARK]: { writer, n } }
    const reply = await this.wire.ask({ method: 'PUT', path, token: this.#account.token, body })
    if (!this.ledger.judge(`state ${writer} ${n}`, reply)) return false
    const acknowledgedAt = this.ledger.tick()
    this.ledger.events.push({ roomId, writer, n, eventId: reply.body.event_id, askedAt, acknowledgedAt })
    return true
  }
}

/** Where in `/user/{userId}` a key of account data lies; with a room where it holds a space. */
export const dataPath = (userId: string, key: string): string => {
  const [type = '', roomId] = key.split(' ')
  const room = roomId === undefined ? '' : `/rooms/${enc(roomId)}`
  return `/v3/user/${enc(userId)}${room}/account_data/${enc(type)}`
}

/** Counts up in account data, global and of rooms. No two writers may have a key in common. */
export class AccountDataWriter extends RepeatingWriter<{ readonly key: string; readonly count: number }> {
  readonly #account: Account
  readonly #keys: readonly string[]
  readonly #dice: Dice

  constructor(
    shared: { readonly wire: Wire; readonly ledger: Ledger; readonly dice: Dice },
    account: Account,
    keys: readonly string[],
  ) {
    super(shared.wire, shared.ledger)
    this.#account = account
    this.#keys = keys
    this.#dice = shared.dice.fork()
  }

  protected plan(): { readonly key: string; readonly count: number } {
    const key = this.#dice.pick(this.#keys)
    const state = this.ledger.dataOf(key)
    state.asked += 1
    return { key, count: state.asked }
  }

  protected async ask(plan: { readonly key: string; readonly count: number }, pending: PendingPlan): Promise<boolean> {
    const { key, count } = plan
    const state = this.ledger.dataOf(key)
    if (pending.tries > 1) state.askedAgain.add(count)
    const path = dataPath(this.#account.userId, key)
    const body = { [MARK]: { n: count } }
    const reply = await this.wire.ask({ method: 'PUT', path, token: this.#account.token, body })
    if (!this.ledger.judge(`account data ${key} ${count}`, reply)) return false
    state.acknowledged = count
    this.ledger.accountDataWrites += 1
    return true
  }
}

/** Registers one account after another. */
export class Registrar extends RepeatingWriter<string> {
  readonly #prefix: string

  constructor(shared: { readonly wire: Wire; readonly ledger: Ledger }, prefix: string) {
    super(shared.wire, shared.ledger)
    this.#prefix = prefix
  }

  protected plan(n: number): string {
    return `${this.#prefix}-${n}`
  }

  protected async ask(username: string, { tries }: PendingPlan): Promise<boolean> {
    let reply = await registration(this.wire, username)
    // The answer that was cut off may have been a yes; then the account must be whole, and its password works.
    if (reply?.body.errcode === 'M_USER_IN_USE' && tries > 1) reply = await login(this.wire, username)
    if (!this.ledger.judge(`registration of ${username}`, reply)) return false
    this.ledger.accounts.push({ userId: reply.body.user_id, token: reply.body.access_token })
    return true
  }
}

/** Makes rooms, each with an alias, state of its own and an invitation. */
export class RoomMaker extends RepeatingWriter<string> {
  readonly account: Account
  readonly #prefix: string
  readonly #invitee: string

  constructor(
    shared: { readonly wire: Wire; readonly ledger: Ledger },
    account: Account,
    invitee: string,
    prefix: string,
  ) {
    super(shared.wire, shared.ledger)
    this.account = account
    this.#invitee = invitee
    this.#prefix = prefix
  }

  /** What `/state` of such a room holds, sorted. */
  get wholeState(): readonly string[] {
    const plain = 'create power_levels join_rules history_visibility guest_access canonical_alias name topic'
    return [
      ...plain.split(' ').map((type) => `m.room.${type} `),
      `m.room.member ${this.account.userId}`,
      `m.room.member ${this.#invitee}`,
      `${MARK} `,
    ].sort()
  }

  aliasOf(name: string): string {
    return `#${name}:${this.account.userId.split(':')[1]}`
  }

  /** Which room has the alias; undefined where nobody answers, null where none has. */
  async find(name: string): Promise<string | null | undefined> {
    const path = `/v3/directory/room/${enc(this.aliasOf(name))}`
    const reply = await this.wire.ask({ method: 'GET', path })
    if (reply?.status === 404) return null
    return this.ledger.judge(`alias ${name}`, reply) ? (reply.body.room_id as string) : undefined
  }

  protected plan(n: number): string {
    return `${this.#prefix}-${n}`
  }

  protected async ask(name: string, { tries }: PendingPlan): Promise<boolean> {
    const body = {
      room_alias_name: name,
      name: `Room ${name}`,
      topic: `All of ${name} or nothing`,
      preset: 'private_chat',
      visibility: 'public',
      invite: [this.#invitee],
      initial_state: [{ type: MARK, state_key: '', content: { name } }],
    }
    const reply = await this.wire.ask({ method: 'POST', path: '/v3/createRoom', token: this.account.token, body })
    let roomId: string | null | undefined
    if (reply?.body.errcode === 'M_ROOM_IN_USE' && tries > 1) roomId = await this.find(name)
    else if (this.ledger.judge(`createRoom ${name}`, reply)) roomId = reply.body.room_id
    if (typeof roomId !== 'string') return false
    this.ledger.rooms.push({ alias: this.aliasOf(name), roomId })
    return true
  }
}
