import { Dice } from '../../crash/dice.ts'
import type { Answer, Body, Json, TestClient } from '../../support/client.ts'

export interface Member {
  readonly userId: string
  /** One device of theirs, at each process. */
  readonly clients: readonly [TestClient, TestClient]
}

export interface Acknowledged {
  readonly eventId: string
  readonly roomId: string
}

const enc = encodeURIComponent
const KEYS = ['a', 'b', 'c']
const REFUSALS = new Set(['M_FORBIDDEN', 'M_BAD_STATE'])

/** Kinds of requests that a run has to have had answered. */
export const KINDS = ['send', 'state', 'join', 'leave', 'ban'] as const

/**
 * What several users do to the same rooms through several processes at once, as the dice fall: messages, state, joins, leaves, kicks,
 * bans, and power given and taken. What the rules of the room refuse is no fault; the load cannot know what the others just did.
 */
export class SharedLoad {
  readonly acknowledged: Acknowledged[] = []
  /** What may not be answered: all but success, a refusal, and 503 with a hint when to come back. */
  readonly faults: string[] = []
  readonly counts = new Map<string, number>()
  readonly #owner: Member
  readonly #members: readonly Member[]
  readonly #rooms: readonly string[]
  readonly #dice: Dice
  #transactions = 0

  constructor(parts: {
    readonly owner: Member
    readonly members: readonly Member[]
    readonly rooms: readonly string[]
    readonly seed: number
  }) {
    this.#owner = parts.owner
    this.#members = parts.members
    this.#rooms = parts.rooms
    this.#dice = new Dice(parts.seed)
  }

  /** All members at all processes at once, for so long; on a slow machine longer, until each kind of request was answered 200, and enough in all. */
  async run(durationMs: number): Promise<void> {
    const until = performance.now() + durationMs
    const work = async (member: Member, client: TestClient, dice: Dice): Promise<void> => {
      while (performance.now() < until || !this.#hasTeeth(durationMs)) await this.#step(member, client, dice)
    }
    const everybody = [this.#owner, ...this.#members]
    await Promise.all(
      everybody.flatMap((member) => member.clients.map((client) => work(member, client, this.#dice.fork()))),
    )
  }

  #hasTeeth(durationMs: number): boolean {
    return (
      this.acknowledged.length > durationMs / 50 && KINDS.every((kind) => (this.counts.get(`${kind} 200`) ?? 0) > 0)
    )
  }

  async #step(member: Member, client: TestClient, dice: Dice): Promise<void> {
    const roomId = dice.pick(this.#rooms)
    const room = `/v3/rooms/${enc(roomId)}`
    const other = dice.pick(this.#members).userId
    const isOwner = member === this.#owner
    const chance = dice.next()
    if (chance < 0.5) {
      this.#transactions += 1
      const body = { msgtype: 'm.text', body: `message ${this.#transactions}` }
      await this.#ask('send', client, 'PUT', `${room}/send/m.room.message/m${this.#transactions}`, roomId, body)
    } else if (chance < 0.7) {
      const path = `${room}/state/org.example.shared/${dice.pick(KEYS)}`
      await this.#ask('state', client, 'PUT', path, roomId, { n: dice.between(1, 1_000_000) })
    } else if (chance < 0.74 && !isOwner) {
      await this.#ask('leave', client, 'POST', `${room}/leave`, roomId)
    } else if (chance < 0.9 && !isOwner) {
      await this.#ask('join', client, 'POST', `${room}/join`, roomId)
    } else if (chance < 0.92) {
      await this.#ask('kick', client, 'POST', `${room}/kick`, roomId, { user_id: other })
    } else if (chance < 0.94) {
      await this.#ask('ban', client, 'POST', `${room}/ban`, roomId, { user_id: other })
    } else if (chance < 0.98 || !isOwner) {
      await this.#ask('unban', client, 'POST', `${room}/unban`, roomId, { user_id: other })
    } else {
      await this.#givePower(client, roomId, other, dice.pick([0, 50]))
    }
  }

  async #givePower(client: TestClient, roomId: string, userId: string, level: number): Promise<void> {
    const path = `/v3/rooms/${enc(roomId)}/state/m.room.power_levels/`
    const levels: Json = await this.#ask('read', client, 'GET', path, roomId)
    if (levels === undefined) return
    const users = { ...levels.users, [userId]: level }
    await this.#ask('power', client, 'PUT', path, roomId, { ...levels, users })
  }

  /** The body of a success. */
  async #ask(
    kind: string,
    client: TestClient,
    method: string,
    path: string,
    roomId: string,
    body?: Body,
  ): Promise<Json> {
    const answer = await client.request(method, path, method === 'GET' ? {} : { body: body ?? {} })
    const { status } = answer
    this.counts.set(`${kind} ${status}`, (this.counts.get(`${kind} ${status}`) ?? 0) + 1)
    if (status === 200) {
      if (typeof answer.body.event_id === 'string') this.acknowledged.push({ eventId: answer.body.event_id, roomId })
      return answer.body
    }
    const isRefusal = status === 403 && REFUSALS.has(answer.body.errcode)
    if (!isRefusal && !isBusy(answer))
      this.faults.push(`${method} ${path} was answered ${status} ${JSON.stringify(answer.body)}`)
    return undefined
  }
}

/** "Not now", with a hint when to come back. */
const isBusy = ({ status, headers, body }: Answer): boolean =>
  status === 503 && (Number(headers.get('retry-after')) > 0 || Number(body.retry_after_ms) > 0)
