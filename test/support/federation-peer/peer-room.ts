import {
  authEventTuples,
  type BuiltEvent,
  buildEvent,
  contentHash,
  type EventLookup,
  essentialJson,
  eventIdOf,
  referenceHash,
  resolveState,
  type SigningKey,
  type StateMap,
  toRoomEvent,
  withSignature,
} from '#rules'
import {
  type EventId,
  type JsonObject,
  type Pdu,
  parseStateTupleKey,
  ROOM_VERSIONS,
  type RoomId,
  type RoomVersion,
  stateTupleKey,
  type UserId,
} from '#spec'

export interface PeerRoomSetup {
  readonly key: SigningKey
  /** Default 11. */
  readonly version?: string
  /** Default `@resident:` and the key's server. */
  readonly creator?: string
  /** Default `public`. */
  readonly joinRule?: string
  readonly createContent?: JsonObject
  readonly powerLevels?: JsonObject
}

/** Default for what is not said: the room's heads, the state before, the time, the room's own key. */
export interface PeerDraft {
  readonly type: string
  readonly content: JsonObject
  readonly sender?: string
  readonly stateKey?: string | undefined
  readonly prev?: readonly string[]
  readonly auth?: readonly string[]
  readonly depth?: number
  readonly ts?: number
  readonly redacts?: string
  readonly key?: SigningKey
}

export interface PeerEvent extends Pick<BuiltEvent, 'eventId' | 'event'> {
  readonly pdu: Pdu
}

const NO_STATE: StateMap = new Map()

/**
 * A room as a peer knows it: events, the state after each, and the heads of its branches. It judges nothing: what a test adds is there, allowed or not.
 */
export class PeerRoom {
  readonly version: RoomVersion
  readonly key: SigningKey
  readonly events = new Map<EventId, PeerEvent>()
  /** Events that no other one follows; the next event cites them. */
  heads: EventId[] = []
  roomId = '' as RoomId
  /** Sends where a draft names nobody. */
  sender: string
  readonly #stateAfter = new Map<EventId, StateMap>()
  /** Reference hashes of events that are not known themselves: room versions 1 and 2. */
  readonly #hashes = new Map<EventId, string>()
  #given = 0

  constructor(version: string, key: SigningKey, sender: string) {
    const record = ROOM_VERSIONS.get(version)
    if (record === undefined) throw new Error(`no room version ${version}`)
    this.version = record
    this.key = key
    this.sender = sender
  }

  static create(setup: PeerRoomSetup): PeerRoom {
    const { key, version = '11', joinRule = 'public', createContent = {}, powerLevels = {} } = setup
    const creator = setup.creator ?? `@resident:${key.serverName}`
    const room = new PeerRoom(version, key, creator)
    room.#found(creator, createContent)
    const users = room.version.auth.privilegedCreators ? {} : { [creator]: 100 }
    room.send({ type: 'm.room.member', stateKey: creator, content: { membership: 'join' } })
    room.send({ type: 'm.room.power_levels', stateKey: '', content: { users, ...powerLevels } })
    room.send({ type: 'm.room.join_rules', stateKey: '', content: { join_rule: joinRule } })
    room.send({ type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: 'shared' } })
    return room
  }

  #found(creator: string, more: JsonObject): void {
    const content = {
      room_version: this.version.id,
      // Two rooms of one user in one millisecond would have one id where that is made from this event.
      'org.example.room': Math.random().toString(36).slice(2),
      ...(this.version.auth.creatorIsSender ? {} : { creator }),
      ...more,
    }
    if (!this.version.roomIdIsCreateHash)
      this.roomId = `!room${Math.random().toString(36).slice(2)}:${this.key.serverName}` as RoomId
    const create = this.send({ type: 'm.room.create', stateKey: '', content })
    this.roomId = create.event.roomId
  }

  readonly lookup: EventLookup = { get: (eventId) => this.events.get(eventId)?.event }

  get(eventId: string): PeerEvent {
    const event = this.events.get(eventId as EventId)
    if (event === undefined) throw new Error(`no event ${eventId} in the peer's room`)
    return event
  }

  stateAfter(eventId: string): StateMap {
    return this.#stateAfter.get(eventId as EventId) ?? NO_STATE
  }

  /** Resolved where branches meet. */
  stateBefore(prev: readonly string[]): StateMap {
    const resolved = resolveState(
      this.version,
      prev.map((eventId) => this.stateAfter(eventId)),
      this.lookup,
    )
    if (!resolved.ok) throw new Error(`the peer's room lacks ${resolved.failure.missing.join(', ')}`)
    return resolved.value
  }

  get state(): StateMap {
    return this.stateBefore(this.heads)
  }

  /** The event of the current state. */
  stateEvent(type: string, stateKey = ''): PeerEvent | undefined {
    const eventId = this.state.get(stateTupleKey(type, stateKey))
    return eventId === undefined ? undefined : this.get(eventId)
  }

  /** The current state by `type|state key`, as event ids: easy to compare. */
  stateIds(): Record<string, string> {
    const entries = [...this.state].map(([key, eventId]): [string, string] => {
      const tuple = parseStateTupleKey(key)
      return [`${tuple?.type}|${tuple?.stateKey}`, eventId]
    })
    return Object.fromEntries(entries.sort(([left], [right]) => (left < right ? -1 : 1)))
  }

  /** Builds and adds. */
  send(draft: PeerDraft): PeerEvent {
    const built = this.build(draft)
    this.add(built)
    return built
  }

  /** A well-formed, signed event; the room does not know it until it is added. */
  build(draft: PeerDraft): PeerEvent {
    const { type, stateKey, content, sender = this.sender, key = this.key, redacts } = draft
    const prev = draft.prev ?? this.heads
    const auth = draft.auth ?? this.#authEvents({ type, stateKey, sender, content }, prev)
    const depths = prev.map((eventId) => this.events.get(eventId as EventId)?.event.depth ?? 0)
    const founding = type === 'm.room.create' && this.version.roomIdIsCreateHash
    const built = buildEvent(
      this.version,
      {
        ...(founding ? {} : { roomId: this.roomId }),
        type,
        content,
        stateKey,
        sender: sender as UserId,
        originServerTs: draft.ts ?? Date.now(),
        depth: draft.depth ?? Math.max(0, ...depths) + 1,
        prevEvents: prev as EventId[],
        authEvents: auth as EventId[],
        redacts: redacts as EventId | undefined,
        ...this.#ofOldVersions([...prev, ...auth]),
      },
      key,
    )
    if (!built.ok) throw new Error(`the event cannot be built: ${JSON.stringify(built.failure)}`)
    return built.value
  }

  #ofOldVersions(references: readonly string[]) {
    const eventId = `$${this.#given++}${Math.random().toString(36).slice(2)}:${this.key.serverName}` as EventId
    return {
      ...(this.version.eventId === 'given' ? { eventId } : {}),
      ...(this.version.referencePairs ? { referenceHashes: this.#hashesOf(references) } : {}),
    }
  }

  #hashesOf(eventIds: readonly string[]): Map<EventId, string> {
    const hashes = new Map<EventId, string>()
    for (const eventId of eventIds as EventId[]) {
      const pdu = this.events.get(eventId)?.pdu
      const hash = pdu === undefined ? undefined : referenceHash(this.version, pdu)
      hashes.set(eventId, hash?.ok === true ? hash.value : (this.#hashes.get(eventId) ?? 'A'.repeat(43)))
    }
    return hashes
  }

  #authEvents(
    subject: { type: string; stateKey: string | undefined; sender: string; content: JsonObject },
    prev: readonly string[],
  ): EventId[] {
    const before = this.stateBefore(prev)
    return authEventTuples(this.version, subject).flatMap(({ type, stateKey }) => {
      const eventId = before.get(stateTupleKey(type, stateKey))
      return eventId === undefined ? [] : [eventId]
    })
  }

  /** Takes an event into the room; `stateBefore` where its previous events are not known. */
  add(event: PeerEvent, stateBefore: StateMap = this.stateBefore(event.event.prevEvents)): void {
    if (this.events.has(event.eventId)) return
    this.events.set(event.eventId, event)
    const { stateKey, type } = event.event
    const after =
      stateKey === undefined ? stateBefore : new Map(stateBefore).set(stateTupleKey(type, stateKey), event.eventId)
    this.#stateAfter.set(event.eventId, after)
    this.heads = [...this.heads.filter((head) => !event.event.prevEvents.includes(head)), event.eventId]
  }

  /** An event that is known for its content only: part of a state or an auth chain. */
  addOutlier(event: PeerEvent): void {
    if (!this.events.has(event.eventId)) this.events.set(event.eventId, event)
  }

  /** The text that an event's signatures cover. */
  essentialText(pdu: Pdu): string {
    const text = essentialJson(this.version, pdu)
    if (!text.ok) throw new Error(text.failure.reason)
    return text.value
  }

  /** A PDU that a test made by hand, hashed and signed as it is. */
  sign(pdu: JsonObject): JsonObject {
    const hash = contentHash(this.version, pdu)
    if (!hash.ok) throw new Error(hash.failure.reason)
    const hashed = { ...pdu, hashes: { sha256: hash.value } } as unknown as Pdu
    return withSignature(hashed, this.key.serverName, this.key.keyId, this.key.sign(this.essentialText(hashed)))
  }

  /** The events that a template of another server refers to, for `build`. */
  referencesOf(template: Pick<Pdu, 'prev_events' | 'auth_events'>): Pick<PeerDraft, 'prev' | 'auth'> {
    const idOf = (reference: Pdu['prev_events'][number]): EventId => {
      if (typeof reference === 'string') return reference as EventId
      const [eventId, { sha256 }] = reference
      if (typeof sha256 === 'string') this.#hashes.set(eventId as EventId, sha256)
      return eventId as EventId
    }
    return { prev: template.prev_events.map(idOf), auth: template.auth_events.map(idOf) }
  }

  /** What came over the wire, identified; nothing is checked. */
  read(pdu: unknown): PeerEvent {
    const read = pdu as Pdu
    const eventId = eventIdOf(this.version, read)
    if (!eventId.ok) throw new Error(`an event without id: ${eventId.failure.reason}`)
    return { eventId: eventId.value, event: toRoomEvent(this.version, read, eventId.value), pdu: read }
  }

  /** Takes a PDU that was received into the room. */
  receive(pdu: unknown): PeerEvent {
    const event = this.read(pdu)
    this.add(event)
    return event
  }

  /** All events that these cite, and those cite, in no order. */
  authChain(eventIds: Iterable<string>): PeerEvent[] {
    const chain = new Map<EventId, PeerEvent>()
    const next = [...eventIds].flatMap((eventId) => this.get(eventId).event.authEvents)
    for (let eventId = next.pop(); eventId !== undefined; eventId = next.pop()) {
      const event = chain.has(eventId) ? undefined : this.events.get(eventId)
      if (event === undefined) continue
      chain.set(eventId, event)
      next.push(...event.event.authEvents)
    }
    return [...chain.values()]
  }

  /** Events that lie before these, nearest first, these included. */
  history(from: readonly string[], limit = Number.POSITIVE_INFINITY): PeerEvent[] {
    const found = new Map<EventId, PeerEvent>()
    let layer = from as readonly EventId[]
    while (layer.length > 0 && found.size < limit) {
      const next: EventId[] = []
      for (const eventId of layer) {
        const event = found.has(eventId) ? undefined : this.events.get(eventId)
        if (event === undefined || found.size >= limit) continue
        found.set(eventId, event)
        next.push(...event.event.prevEvents)
      }
      layer = next
    }
    return [...found.values()]
  }

  /** Servers with a joined user. */
  servers(): string[] {
    const servers = new Set<string>()
    for (const [key, eventId] of this.state) {
      const tuple = parseStateTupleKey(key)
      if (tuple?.type !== 'm.room.member' || this.get(eventId).event.content.membership !== 'join') continue
      servers.add(tuple.stateKey.slice(tuple.stateKey.indexOf(':') + 1))
    }
    return [...servers]
  }
}
