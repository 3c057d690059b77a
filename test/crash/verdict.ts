import type { AcknowledgedEvent, Ledger } from './ledger.ts'
import { MARK } from './ledger.ts'
import { type Seen, seenOf, type Watcher } from './watcher.ts'
import { type Account, enc, type Json, login, type Wire } from './wire.ts'
import { dataPath, type RoomMaker } from './writers.ts'

/** Passwords cost time by design: so many are tried at the end. */
const LOGINS = 10
const PAGE = 500

export interface Court {
  readonly wire: Wire
  readonly ledger: Ledger
  readonly owner: Account
  readonly maker: RoomMaker
  /** What they hold of one person is looked at anew each time. */
  readonly personal: readonly { check(): Promise<void> }[]
}

/** Holds what is there against what was promised. Looks at what is new in the ledger since its last look; at the end at all. */
export class Verdict {
  readonly #court: Court
  #events = 0
  #accounts = 0
  #rooms = 0

  constructor(court: Court) {
    this.#court = court
  }

  /** After each restart, `watcher` having synced once with its old token, before anybody writes. */
  async afterRestart(watcher: Watcher): Promise<void> {
    const { ledger } = this.#court
    for (const event of ledger.events.slice(this.#events)) {
      if (!watcher.has(event.eventId)) ledger.lost.push(describe('not in /sync', event))
    }
    await Promise.all([
      this.#checkAccountData(watcher),
      ...this.#court.personal.map((writer) => writer.check()),
      ...ledger.accounts.slice(this.#accounts).map((account) => this.#checkAccount(account)),
      ...ledger.rooms.slice(this.#rooms).map(({ roomId }) => this.#checkRoom(roomId, watcher)),
    ])
    await this.#checkUnansweredRoom(watcher)
    this.#events = ledger.events.length
    this.#accounts = ledger.accounts.length
    this.#rooms = ledger.rooms.length
  }

  /** Everything once more, from the beginning. */
  async atTheEnd(watchers: readonly Watcher[]): Promise<void> {
    const { ledger, wire, maker } = this.#court
    for (const roomId of new Set(ledger.events.map((event) => event.roomId)))
      await this.#checkTimeline(roomId, watchers)
    for (const watcher of watchers) await this.#checkAccountData(watcher)
    for (const writer of this.#court.personal) await writer.check()
    await Promise.all(ledger.accounts.map((account) => this.#checkAccount(account)))
    for (const { userId } of ledger.accounts.slice(-LOGINS)) {
      const reply = await login(wire, userId)
      if (reply?.status !== 200) ledger.lost.push(`the password of ${userId}`)
    }
    const path = '/v3/joined_rooms'
    const joined: string[] = (await wire.ok({ method: 'GET', path, token: maker.account.token })).joined_rooms
    const made = new Set(ledger.rooms.map(({ roomId }) => roomId))
    for (const roomId of made) if (!joined.includes(roomId)) ledger.lost.push(`the room ${roomId}`)
    for (const roomId of joined) if (!made.has(roomId)) ledger.faults.push(`${roomId} is there and was never answered`)
    for (const watcher of watchers) this.#checkInvites(watcher, made)
  }

  async #checkAccountData(watcher: Watcher): Promise<void> {
    const { ledger, wire, owner } = this.#court
    for (const [key, { acknowledged, asked }] of ledger.accountData) {
      if (asked === 0) continue
      const reply = await wire.ask({ method: 'GET', path: dataPath(owner.userId, key), token: owner.token })
      const stored = reply?.status === 200 ? (reply.body[MARK].n as number) : 0
      const seen = watcher.accountData.get(key) ?? 0
      if (stored < acknowledged) ledger.lost.push(`account data ${key}: ${acknowledged} promised, ${stored} stored`)
      if (stored > asked) ledger.faults.push(`account data ${key}: ${asked} asked for, ${stored} stored`)
      if (seen < acknowledged) ledger.lost.push(`account data ${key}: ${acknowledged} promised, ${seen} in /sync`)
    }
  }

  async #checkAccount({ userId, token }: Account): Promise<void> {
    const { ledger, wire } = this.#court
    const reply = await wire.ask({ method: 'GET', path: '/v3/account/whoami', token })
    if (reply?.status !== 200 || reply.body.user_id !== userId) {
      ledger.lost.push(`the account ${userId}: ${reply?.status} ${JSON.stringify(reply?.body)}`)
    }
  }

  async #checkRoom(roomId: string, watcher: Watcher): Promise<void> {
    const { ledger, wire, maker } = this.#court
    const path = `/v3/rooms/${enc(roomId)}/state`
    const reply = await wire.ask({ method: 'GET', path, token: maker.account.token })
    if (reply?.status !== 200) {
      ledger.lost.push(`the room ${roomId}: ${reply?.status} ${JSON.stringify(reply?.body)}`)
      return
    }
    const state: string[] = reply.body.map((event: Json) => `${event.type} ${event.state_key}`).sort()
    if (state.join() !== maker.wholeState.join()) ledger.faults.push(`half a room, ${roomId}: ${state.join()}`)
    const visibility = await wire.ok({ method: 'GET', path: `/v3/directory/list/room/${enc(roomId)}` })
    if (visibility.visibility !== 'public') ledger.faults.push(`half a room, ${roomId} is not listed`)
    if (!watcher.invites.has(roomId)) ledger.lost.push(`the invitation to ${roomId}`)
  }

  /** The room whose answer was cut off is there with all that belongs to it, or there is no trace of it. */
  async #checkUnansweredRoom(watcher: Watcher): Promise<void> {
    const { ledger, wire, maker } = this.#court
    const path = '/v3/joined_rooms'
    const joined: string[] = (await wire.ok({ method: 'GET', path, token: maker.account.token })).joined_rooms
    const expected = new Set(ledger.rooms.map(({ roomId }) => roomId))
    const found = maker.pending === undefined ? null : await maker.find(maker.pending)
    if (typeof found === 'string') {
      expected.add(found)
      await this.#checkRoom(found, watcher)
    }
    const strangers = joined.filter((roomId) => !expected.has(roomId))
    if (strangers.length > 0) ledger.faults.push(`half a room: joined to ${strangers.join()}, which has no alias`)
    this.#checkInvites(watcher, expected)
  }

  #checkInvites(watcher: Watcher, expected: ReadonlySet<string>): void {
    for (const roomId of watcher.invites) {
      if (!expected.has(roomId)) this.#court.ledger.faults.push(`invited to ${roomId}, which is not there`)
    }
    for (const roomId of expected) {
      if (!watcher.invites.has(roomId)) this.#court.ledger.lost.push(`the invitation to ${roomId}`)
    }
  }

  async #checkTimeline(roomId: string, watchers: readonly Watcher[]): Promise<void> {
    const { ledger } = this.#court
    const stored = await this.#timeline(roomId)
    const promised = ledger.events.filter((event) => event.roomId === roomId)
    const known = new Map(stored.map((seen) => [seen.eventId, seen]))
    if (known.size !== stored.length) ledger.faults.push(`/messages of ${roomId} names an event twice`)
    for (const event of promised) {
      const there = known.get(event.eventId)
      if (there === undefined) ledger.lost.push(describe('not in /messages', event))
      else if (there.writer !== event.writer || there.n !== event.n)
        ledger.faults.push(describe('another content', event))
    }
    for (const fault of [...countingFaults(stored), ...orderFaults(stored, promised)]) {
      ledger.faults.push(`${roomId}: ${fault}`)
    }
    const ids = stored.map(({ eventId }) => eventId)
    watchers.forEach((watcher, index) => {
      const seen = (watcher.rooms.get(roomId) ?? []).map(({ eventId }) => eventId)
      const differs = ids.findIndex((eventId, at) => seen[at] !== eventId)
      if (differs < 0 && seen.length === ids.length) return
      ledger.faults.push(
        `watcher ${index} saw ${seen.length} events of ${roomId}, /messages has ${ids.length}; they differ at ${differs}`,
      )
    })
  }

  async #timeline(roomId: string): Promise<readonly Seen[]> {
    const { wire, owner } = this.#court
    const events: Seen[] = []
    let from = ''
    for (;;) {
      const path = `/v3/rooms/${enc(roomId)}/messages?dir=b&limit=${PAGE}${from}`
      const page = await wire.ok({ method: 'GET', path, token: owner.token })
      events.push(...page.chunk.map(seenOf))
      if (page.end === undefined) return events.reverse()
      from = `&from=${enc(page.end)}`
    }
  }
}

const describe = (what: string, { eventId, writer, n, roomId }: AcknowledgedEvent): string =>
  `${what}: ${eventId}, ${writer} ${n} in ${roomId}`

/** A writer asks for the next only after the last was answered: in each room its numbers rise, and none is there twice. */
const countingFaults = (stored: readonly Seen[]): readonly string[] => {
  const last = new Map<string, number>()
  const faults: string[] = []
  for (const { writer, n } of stored) {
    if (writer === undefined) continue
    const before = last.get(writer) ?? 0
    if (n <= before) faults.push(`${writer} ${n} stands after ${writer} ${before}`)
    last.set(writer, n)
  }
  return faults
}

/** What was answered before something else was asked for stands before it, whoever wrote it. */
const orderFaults = (stored: readonly Seen[], promised: readonly AcknowledgedEvent[]): readonly string[] => {
  const promises = new Map(promised.map((event) => [event.eventId, event]))
  const faults: string[] = []
  let earliest: AcknowledgedEvent | undefined
  for (const { eventId } of stored.toReversed()) {
    const event = promises.get(eventId)
    if (event === undefined) continue
    if (earliest !== undefined && earliest.acknowledgedAt < event.askedAt) {
      faults.push(`${earliest.writer} ${earliest.n} was answered before ${event.writer} ${event.n} was asked for`)
    }
    if (earliest === undefined || event.acknowledgedAt < earliest.acknowledgedAt) earliest = event
  }
  return faults
}
