import { BoundedCache, type CacheStats, type Clock, textBytes } from '#base'
import { canonicalJson, powerLevelsOf } from '#rules'
import { type EventId, type JsonObject, MatrixError, type RoomId, type UserId } from '#spec'
import { type RoomsReader, type StoredEvent, WriteConflict } from '#store'
import { checkCanonicalAlias } from '../directory/directory.ts'
import type { RoomGuards } from '../guards/room-guards.ts'
import { type Rooms, UnknownRoom } from '../turns/rooms.ts'
import type { Draft, RoomTurn } from '../turns/turn.ts'
import { TRANSACTION_LIFETIME_MS } from '../upkeep/transaction-sweep.ts'
import { RelationChecks, type RelationChecksParts } from './relation-checks.ts'

/** A client's transaction: requests with the same device, kind of request and id are the same request (section "Transaction identifiers"). */
export interface Transaction {
  readonly device: number
  readonly scope: string
  readonly id: string
}

const TRANSACTIONS_BYTES = 8 * 1024 * 1024
const REPEATERS_BYTES = 1024 * 1024

export interface SendingParts {
  readonly rooms: Rooms
  readonly reader: RoomsReader
  readonly relations: RelationChecksParts['reader']
  readonly clock: Clock
  /** undefined: nothing is decided on. */
  readonly guards?: Pick<RoomGuards, 'sending'>
}

interface Answered {
  readonly eventId: EventId
  /** On the monotonic clock. */
  readonly untilMs: number
}

/** Sends messages, state other than memberships, and redactions. All methods throw `M_FORBIDDEN` for unknown rooms. */
export class Sending {
  readonly #rooms: Rooms
  readonly #reader: RoomsReader
  readonly #clock: Clock
  readonly #checks: RelationChecks
  /** Recently answered transactions. A repeated one must not run a turn: it would fail, and so would the turns that build on it. */
  readonly #answered = new BoundedCache<string, Answered>({
    name: 'transactions',
    limitBytes: TRANSACTIONS_BYTES,
    sizeBytes: ({ eventId }) => 60 + textBytes(eventId),
  })
  readonly #underWay = new Map<string, Promise<EventId>>()
  /**
   * Devices that repeated a transaction from before the start of this process, or too old to be in `#answered`. Theirs are looked up before a turn, so that
   * a client that repeats a thousand disturbs the room once.
   */
  readonly #repeaters = new BoundedCache<number, true>({
    name: 'repeating-devices',
    limitBytes: REPEATERS_BYTES,
    sizeBytes: () => 100,
  })

  readonly #guard: RoomGuards['sending']

  constructor({ rooms, reader, relations, clock, guards }: SendingParts) {
    this.#guard = guards?.sending
    this.#checks = new RelationChecks({ reader: relations })
    this.#rooms = rooms
    this.#reader = reader
    this.#clock = clock
  }

  get caches(): readonly { stats(): CacheStats }[] {
    return [this.#answered, this.#repeaters]
  }

  /** Sends an event that is not state. A repeated transaction returns the first event. Throws as `RelationChecks.sent` does. */
  async message(roomId: RoomId, draft: Draft): Promise<EventId> {
    checkTombstone(roomId, draft)
    const guard = this.#guard
    return this.#once(draft.transaction, async () => {
      const unsent = await guard?.(roomId, draft)
      if (unsent !== undefined) return unsent
      return this.#checks.sent(roomId, draft, (check) =>
        this.#turn(roomId, async (turn) => {
          const eventId = await turn.add(draft)
          await check?.(turn)
          return eventId
        }),
      )
    })
  }

  /** Sets state. If the entry has this content from this sender already, returns the event in force and sends none. */
  async state(roomId: RoomId, draft: Draft & { readonly stateKey: string }): Promise<EventId> {
    checkTombstone(roomId, draft)
    return this.#turn(roomId, async (turn) => {
      const current = await turn.state(draft.type, draft.stateKey)
      if (current?.sender === draft.sender && sameContent(current.content, draft.content)) {
        // A member who was removed must not learn that nothing changed.
        if ((await turn.membership(draft.sender)) === 'join') return current.eventId
      }
      if (draft.type === 'm.room.canonical_alias')
        await checkCanonicalAlias(draft.content, current?.content ?? {}, roomId, this.#reader)
      const eventId = await turn.add(draft)
      // A room that was replaced is no longer one to find.
      if (draft.type === 'm.room.tombstone' && draft.stateKey === '') await this.#unlist(turn)
      return eventId
    })
  }

  async #unlist(turn: RoomTurn): Promise<void> {
    if ((await this.#reader.room(turn.live.room))?.published === true) turn.publish(false)
  }

  /**
   * Redacts an event of the sender, or of anybody if the sender has the power to redact (section "Redactions"; like Synapse, this
   * requires the same sender for local users, not just the same server). The target's content is removed for good.
   */
  async redact(
    roomId: RoomId,
    sender: UserId,
    target: EventId,
    content: JsonObject,
    transaction?: Transaction,
  ): Promise<EventId> {
    const draft: Draft = { type: 'm.room.redaction', sender, content, redacts: target, transaction }
    return this.#once(transaction, () =>
      this.#turn(roomId, async (turn) => {
        const stored = await this.#reader.event(target)
        const here = stored !== undefined && stored.roomId === roomId ? stored : undefined
        if (here === undefined && (await turn.membership(sender)) === 'join') throw noSuchTarget(stored)
        if (here !== undefined && here.sender !== sender) await this.#needPower(turn, sender)
        const eventId = await turn.add(draft)
        if (here?.type === 'm.room.create') throw new MatrixError('M_FORBIDDEN', 'A create event cannot be redacted')
        // Without content it would shut every server out of the room.
        if (here?.type === 'm.room.server_acl')
          throw new MatrixError('M_FORBIDDEN', 'A server ACL cannot be redacted: send another one')
        if (here !== undefined && here.redactedBy === undefined) await turn.redact(here, eventId)
        return eventId
      }),
    )
  }

  /** Throws `M_FORBIDDEN` where the sender may not redact what that user sent, or is not in the room. */
  async mayRedactOf(roomId: RoomId, sender: UserId, user: UserId): Promise<void> {
    await this.#turn(roomId, async (turn) => {
      if ((await turn.membership(sender)) !== 'join') throw new UnknownRoom()
      if (user !== sender) await this.#needPower(turn, sender)
    })
  }

  /** Whether the sender sent that event, or there is no such event. */
  async isOf(sender: UserId, eventId: EventId): Promise<boolean> {
    const event = await this.#reader.event(eventId)
    return event === undefined || event.sender === sender
  }

  async #needPower(turn: RoomTurn, sender: UserId): Promise<void> {
    const create = await turn.state('m.room.create')
    if (create === undefined) return
    const levels = powerLevelsOf(turn.version, create, await turn.state('m.room.power_levels'))
    if (levels.ofUser(sender) < levels.redact)
      throw new MatrixError('M_FORBIDDEN', 'You need the power to redact events of others')
  }

  async #turn<Value>(roomId: RoomId, plan: (turn: RoomTurn) => Promise<Value>): Promise<Value> {
    try {
      return await this.#rooms.turn(roomId, plan)
    } catch (error) {
      throw error instanceof UnknownRoom ? error.hidden() : error
    }
  }

  /** Sends once for each transaction. A repeated one returns the first event, even if the sender may not send any more. */
  async #once(transaction: Transaction | undefined, send: () => Promise<EventId>): Promise<EventId> {
    if (transaction === undefined) return send()
    const key = `${transaction.device} ${transaction.scope} ${transaction.id}`
    const answered = this.#answered.get(key)
    if (answered !== undefined && answered.untilMs > this.#clock.monotonicMs()) return answered.eventId
    const known = this.#underWay.get(key)
    if (known !== undefined) return known
    const sent = this.#sendOnce(transaction, async () => {
      const eventId = await send()
      this.#answered.set(key, { eventId, untilMs: this.#clock.monotonicMs() + TRANSACTION_LIFETIME_MS })
      return eventId
    })
    this.#underWay.set(key, sent)
    try {
      return await sent
    } finally {
      this.#underWay.delete(key)
    }
  }

  async #sendOnce({ device, scope, id }: Transaction, send: () => Promise<EventId>): Promise<EventId> {
    const stored = (): Promise<EventId | undefined> => this.#reader.transactionEvent(device, scope, id)
    const before = this.#repeaters.get(device) === undefined ? undefined : await stored()
    if (before !== undefined) return before
    try {
      return await send()
    } catch (error) {
      const repeated = error instanceof WriteConflict ? error.kind === 'transaction-used' : error instanceof MatrixError
      const eventId = repeated ? await stored() : undefined
      if (eventId === undefined) throw error
      this.#repeaters.set(device, true)
      return eventId
    }
  }
}

/** A room does not replace itself. Throws `M_INVALID_PARAM`. */
const checkTombstone = (roomId: RoomId, { type, content }: Pick<Draft, 'type' | 'content'>): void => {
  if (type === 'm.room.tombstone' && content.replacement_room === roomId)
    throw new MatrixError('M_INVALID_PARAM', 'A tombstone must not name its own room')
}

/** The error for a target that is not in the room, as in Synapse: 400 if it is in another room, 404 if it is unknown. */
const noSuchTarget = (elsewhere: StoredEvent | undefined): MatrixError =>
  elsewhere === undefined
    ? new MatrixError('M_NOT_FOUND', 'The room has no such event')
    : new MatrixError('M_INVALID_PARAM', 'The event to redact is in another room')

export const sameContent = (one: JsonObject, other: JsonObject): boolean => {
  const [first, second] = [canonicalJson(one), canonicalJson(other)]
  return first.ok && second.ok && first.value === second.value
}
