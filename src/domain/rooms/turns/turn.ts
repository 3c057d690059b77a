import type { Clock, Random } from '#base'
import {
  type AuthRefusal,
  authEventTuples,
  authoriseEvent,
  type BuiltEvent,
  buildEvent,
  canonicalJson,
  describeRefusal,
  MAX_PREV_EVENTS,
  redact,
  referenceHash,
  type SigningKey,
} from '#rules'
import {
  type EventId,
  type JsonObject,
  MatrixError,
  type Membership,
  type Pdu,
  type RoomEvent,
  type RoomId,
  type RoomVersion,
  type StateTuple,
  stateTupleKey,
  type UserId,
} from '#spec'
import {
  baseAfter,
  type Change,
  type Extremity,
  type NewStoredEvent,
  type RoomChange,
  type StateChange,
  type StoredEvent,
} from '#store'
import type { LiveRoom, StateEntry } from './live-room.ts'
import { StateGrowth, type StateLimits } from './state-size.ts'
import { membershipIn, storedForm, type TakenEvent } from './taken-event.ts'
import { formatError, IMPOSSIBLE, ImpossibleEvent } from './turn-errors.ts'

export interface Draft {
  readonly type: string
  readonly sender: UserId
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  readonly redacts?: EventId | undefined
  /** Set by application services; else now. */
  readonly originServerTs?: number | undefined
  readonly transaction?: { readonly device: number; readonly scope: string; readonly id: string } | undefined
  /** How long every member is told of the event, from 0 to `MAX_STICKY_MS`; undefined: it is not sticky. */
  readonly stickyMs?: number | undefined
}

/** Asks the policy server of a room to sign events of ours. */
export interface PolicySigner {
  /**
   * The event's JSON, with the signature of the policy server where the room has one; `policy` is the content of the room's `m.room.policy`. Throws what the
   * policy server answers instead of signing.
   */
  signed(
    room: { readonly room: number; readonly version: RoomVersion },
    policy: JsonObject,
    built: BuiltEvent,
  ): Promise<string>
}

export interface TurnTools {
  readonly clock: Clock
  readonly random: Random
  readonly key: SigningKey
  readonly stateLimits: StateLimits
  readonly policy?: PolicySigner
  /** The stored JSON of an event, for the reference hashes of room versions 1 and 2. */
  storedJson(eventId: EventId): Promise<string | undefined>
}

/**
 * One room's turn: reads its state, and adds events one after another, each authorised by the state after those before it.
 * Nothing is written before the whole turn is given to the store.
 */
export class RoomTurn {
  readonly live: LiveRoom
  readonly version: RoomVersion
  readonly #tools: TurnTools
  readonly #events: NewStoredEvent[] = []
  readonly #stateChanges: StateChange[] = []
  /** Null: the entry goes away. */
  readonly #state = new Map<string, StateEntry | null>()
  readonly #redactions: { target: EventId; json: string; redactedBy: EventId }[] = []
  readonly #others: Change<unknown>[] = []
  #extremities: readonly Extremity[]
  #growth: StateGrowth
  #published: boolean | undefined
  /** Backward extremities that this turn adds; undefined if it touches none. */
  #missing: readonly EventId[] | undefined
  readonly #waiting: { target: EventId; redaction: EventId }[] = []
  /** Room versions 1 and 2: the JSON of those extremities that were made by this turn or by changes under way. */
  #newest: ReadonlyMap<EventId, string>

  constructor(live: LiveRoom, tools: TurnTools) {
    this.live = live
    this.version = live.version
    this.#tools = tools
    this.#growth = new StateGrowth(tools.stateLimits)
    this.#extremities = live.extremities
    this.#newest = live.newest
  }

  get roomId(): RoomId {
    return this.live.roomId
  }

  /** Whether the directory lists the room from this turn on; undefined: as before. */
  get published(): boolean | undefined {
    return this.#published
  }

  publish(published: boolean): void {
    this.#published = published
  }

  /** Adds a change of something else to the turn's commit. */
  also(change: Change<unknown>): void {
    this.#others.push(change)
  }

  get others(): readonly Change<unknown>[] {
    return this.#others
  }

  /** The forward extremities, with the events of this turn so far. */
  get extremities(): readonly Extremity[] {
    return this.#extremities
  }

  get changesState(): boolean {
    return this.#state.size > 0
  }

  /** Whether the turn changes this entry of the state. */
  changes(type: string, stateKey = ''): boolean {
    return this.#state.has(stateTupleKey(type, stateKey))
  }

  /** An entry of the state, with the changes of this turn so far. */
  async state(type: string, stateKey = ''): Promise<RoomEvent | undefined> {
    return (await this.#entry(type, stateKey))?.event
  }

  async membership(userId: string): Promise<Membership | undefined> {
    const member = await this.state('m.room.member', userId)
    return member?.content.membership as Membership | undefined
  }

  /** Adds an event. Throws `M_FORBIDDEN` if the room's rules refuse it, `ImpossibleEvent` if they would refuse it to everybody, `M_TOO_LARGE` for an event that is too large or a room whose state is full, `M_BAD_JSON`. */
  async add(draft: Draft): Promise<EventId> {
    const built = await this.policed(await this.draftOf(draft))
    if (draft.stateKey !== undefined) await this.#grow(draft.type, draft.stateKey, built.json)
    this.#append(draft, built)
    return built.eventId
  }

  /** The event that `add` would add, signed by this server and not added: for events that other servers have to sign too. Throws the same, but for `M_TOO_LARGE` of a full room. */
  async draftOf(draft: Draft): Promise<BuiltEvent> {
    const tuples = authEventTuples(this.version, { ...draft, stateKey: draft.stateKey })
    // The rules are synchronous, so all entries that they may need are loaded first. In a busy room they are in memory already.
    const asked = [...tuples, ...ALWAYS_ASKED]
    let held = asked.map((tuple) => this.#held(tuple))
    if (held.includes(undefined)) {
      await this.#hold(asked)
      held = asked.map((tuple) => this.#held(tuple))
    }
    const cited: StateEntry[] = []
    for (const entry of held.slice(0, tuples.length)) if (entry !== undefined && entry !== null) cited.push(entry)
    const old = this.version.eventId === 'given' ? await this.#oldReferences(cited) : undefined
    const built = this.#build(draft, cited, old)
    const verdict = authoriseEvent(this.version, built.event, (type, stateKey) => this.#held({ type, stateKey })?.event)
    if (!verdict.allowed) throw await this.#refusalOf(verdict.refusal, draft.sender)
    return built
  }

  /** The event with the signature of the room's policy server, if it has one; `add` does this. Throws what the policy server answers instead. */
  async policed(built: BuiltEvent): Promise<BuiltEvent> {
    const policy = this.#tools.policy === undefined ? undefined : await this.#entry('m.room.policy', '')
    if (policy === undefined) return built
    const json = await this.#tools.policy?.signed(this.live, policy.event.content, built)
    return json === undefined || json === built.json ? built : { ...built, json, pdu: JSON.parse(json) as Pdu }
  }

  /** Adds an event that was made elsewhere, or is to be kept though refused, with what follows from it: it is judged already. */
  async take(taken: TakenEvent): Promise<void> {
    const { event, json, placing, depth, prior, known, refusal, historyAt } = taken
    this.#events.push({
      ...storedForm(event, json),
      ...{ depth, placing },
      ...(prior === undefined ? {} : { prior }),
      ...(known === undefined ? {} : { known }),
      ...(refusal === undefined ? {} : { refusal }),
      ...(historyAt === undefined ? {} : { historyAt }),
    })
    for (const { type, stateKey, entry } of taken.state) {
      const before = (await this.#entry(type, stateKey))?.json
      await this.live.loadStateSize()
      this.#growth.take({ type, before, after: entry?.json })
      const membership = type === 'm.room.member' ? membershipIn(entry) : {}
      this.#stateChanges.push({ type, stateKey, event: entry?.event.eventId ?? null, by: event.eventId, ...membership })
      this.#state.set(stateTupleKey(type, stateKey), entry)
    }
    this.#extremities = taken.extremities
    if (taken.missing !== undefined) this.#missing = [...(this.#missing ?? []), ...taken.missing]
    if (this.version.eventId === 'given') this.#newest = new Map([...this.#newest, [event.eventId, json]])
  }

  /** An event that this turn adds, if it does not redact it already. */
  added(eventId: EventId): NewStoredEvent | undefined {
    if (this.#redactions.some(({ target }) => target === eventId)) return undefined
    return this.#events.find((event) => event.eventId === eventId)
  }

  /** Notes that an event of this turn redacts one that is not known yet. */
  redactLater(target: EventId, redaction: EventId): void {
    this.#waiting.push({ target, redaction })
  }

  /** Removes the content of a stored event for good; `redactedBy` was added in this turn. */
  async redact(
    target: Pick<StoredEvent, 'eventId' | 'type' | 'stateKey' | 'json'>,
    redactedBy: EventId,
  ): Promise<void> {
    const pdu = redact(this.version, JSON.parse(target.json) as Pdu)
    const json = canonicalJson(pdu, { strict: this.version.strictCanonicalJson })
    if (!json.ok) throw new Error(`a stored event is not canonical: ${json.failure.reason}`)
    this.#redactions.push({ target: target.eventId, json: json.value, redactedBy })
    if (target.stateKey === undefined) return
    const current = await this.#entry(target.type, target.stateKey)
    if (current?.event.eventId !== target.eventId) return
    await this.#grow(target.type, target.stateKey, json.value)
    const event = { ...current.event, content: pdu.content }
    this.#state.set(stateTupleKey(target.type, target.stateKey), { event, json: json.value })
  }

  /** The same turn for a room whose id was computed from its create event (room version 12). */
  adopt(live: LiveRoom): RoomTurn {
    const turn = new RoomTurn(live, this.#tools)
    turn.#events.push(...this.#events)
    turn.#stateChanges.push(...this.#stateChanges)
    for (const [key, entry] of this.#state) turn.#state.set(key, entry)
    turn.#growth = this.#growth
    turn.#extremities = this.#extremities
    turn.#newest = this.#newest
    return turn
  }

  get empty(): boolean {
    return (
      this.#events.length === 0 &&
      this.#redactions.length === 0 &&
      this.#others.length === 0 &&
      this.#published === undefined
    )
  }

  /** The change without its base. */
  change(): Omit<RoomChange, 'room' | 'base'> {
    return {
      events: this.#events,
      state: this.#stateChanges,
      extremities: this.#extremities,
      redactions: this.#redactions,
      ...(this.#missing === undefined ? {} : { missing: this.#missing }),
      ...(this.#waiting.length === 0 ? {} : { waiting: this.#waiting }),
      ...(this.#published === undefined ? {} : { published: this.#published }),
      ...(this.#growth.changed ? { stateSize: this.#growth.after(this.live.stateSize) } : {}),
    }
  }

  /** Applies this turn to the live room. */
  advance(): void {
    this.live.sequence = baseAfter(this.live.base, { events: this.#events, extremities: this.#extremities }).sequence
    this.live.extremities = this.#extremities
    this.live.newest = this.#newest
    if (this.#growth.changed) this.live.stateSize = this.#growth.after(this.live.stateSize)
    for (const [key, entry] of this.#state) this.live.set(key, entry)
  }

  async #grow(type: string, stateKey: string, after: string): Promise<void> {
    const before = (await this.#entry(type, stateKey))?.json
    await this.live.loadStateSize()
    this.#growth.count({ type, stateKey, before, after }, this.live.stateSize)
  }

  /** Members are told that nobody could send this event; anybody else, only that they may not. */
  async #refusalOf(refusal: AuthRefusal, sender: UserId): Promise<MatrixError> {
    const isImpossible = IMPOSSIBLE.has(refusal.reason) && (await this.membership(sender)) === 'join'
    return isImpossible
      ? new ImpossibleEvent(describeRefusal(refusal))
      : new MatrixError('M_FORBIDDEN', describeRefusal(refusal))
  }

  async #entry(type: string, stateKey: string): Promise<StateEntry | undefined> {
    const own = this.#state.get(stateTupleKey(type, stateKey))
    return own === undefined ? this.live.entry(type, stateKey) : (own ?? undefined)
  }

  /** An entry with the changes of this turn so far: null if the room has none, undefined if it is not in memory. */
  #held({ type, stateKey }: StateTuple): StateEntry | null | undefined {
    const key = stateTupleKey(type, stateKey)
    const own = this.#state.get(key)
    return own === undefined ? this.live.held(key) : own
  }

  async #hold(tuples: readonly StateTuple[]): Promise<void> {
    for (const { type, stateKey } of tuples) await this.#entry(type, stateKey)
  }

  #build(draft: Draft, cited: readonly StateEntry[], old: OldReferences | undefined): BuiltEvent {
    const newest = this.#extremities.slice(-MAX_PREV_EVENTS)
    const prevEvents = newest.map(({ eventId }) => eventId)
    const authEvents = cited.map(({ event }) => event.eventId)
    const built = buildEvent(
      this.version,
      {
        roomId: draft.type === 'm.room.create' && this.version.roomIdIsCreateHash ? undefined : this.roomId,
        type: draft.type,
        sender: draft.sender,
        stateKey: draft.stateKey,
        content: draft.content,
        originServerTs: draft.originServerTs ?? this.#tools.clock.nowMs(),
        depth: Math.min(
          newest.reduce((deepest, { depth }) => Math.max(deepest, depth), 0) + 1,
          Number.MAX_SAFE_INTEGER,
        ),
        prevEvents,
        authEvents,
        redacts: draft.redacts,
        stickyMs: draft.stickyMs,
        ...old,
      },
      this.#tools.key,
      // A policy server is asked about an event that is signed.
      this.#held({ type: 'm.room.policy', stateKey: '' }) === null && draft.stateKey === undefined
        ? 'when-sent'
        : 'now',
    )
    if (!built.ok) throw formatError(built.failure)
    return built.value
  }

  /** The id and references of an event in room versions 1 and 2: ids are random, and references carry hashes. Events referred to may not be stored yet. */
  async #oldReferences(cited: readonly StateEntry[]): Promise<OldReferences> {
    const prevEvents = this.#extremities.slice(-MAX_PREV_EVENTS).map(({ eventId }) => eventId)
    const texts = new Map(cited.map(({ event, json }) => [event.eventId, json]))
    for (const eventId of prevEvents) {
      const json = this.#newest.get(eventId) ?? (await this.#tools.storedJson(eventId))
      if (json !== undefined) texts.set(eventId, json)
    }
    const hashes = new Map<EventId, string>()
    for (const [eventId, json] of texts) {
      const hash = referenceHash(this.version, JSON.parse(json) as Pdu)
      if (hash.ok) hashes.set(eventId, hash.value)
    }
    const eventId = `$${this.#tools.random.token(18)}:${this.#tools.key.serverName}` as EventId
    return { eventId, referenceHashes: hashes }
  }

  #append(draft: Draft, { eventId, event, json }: BuiltEvent): void {
    const { type, stateKey, originServerTs, depth } = event
    this.#events.push({
      ...storedForm(event, json),
      placing: 'timeline',
      ...(draft.transaction === undefined ? {} : { transaction: draft.transaction }),
      ...(draft.stickyMs === undefined ? {} : { stickyUntilMs: originServerTs + draft.stickyMs }),
    })
    // Those that the event does not cite are extremities still.
    this.#extremities = [...this.#extremities.slice(0, -MAX_PREV_EVENTS), { eventId, depth }]
    if (this.version.eventId === 'given') this.#newest = new Map([[eventId, json]])
    if (stateKey === undefined) return
    const membership = type === 'm.room.member' ? { membership: event.content.membership as Membership } : {}
    this.#stateChanges.push({ type, stateKey, event: eventId, by: eventId, ...membership })
    this.#state.set(stateTupleKey(type, stateKey), { event, json })
  }
}

interface OldReferences {
  readonly eventId: EventId
  readonly referenceHashes: ReadonlyMap<EventId, string>
}

/** State that the rules may need for any event. */
const ALWAYS_ASKED: readonly StateTuple[] = [
  { type: 'm.room.create', stateKey: '' },
  { type: 'm.room.join_rules', stateKey: '' },
]
