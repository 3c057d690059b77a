import { type Clock, JsonMembersFailure, jsonMembers, Slices } from '#base'
import { parseJson } from '#rules'
import { type EventId, type JsonValue, parseServerName, type RoomId, type RoomVersion, type ServerName } from '#spec'
import { type CheckedEvent, isChecked, MAX_STATE_EVENTS } from '../receiving/index.ts'
import { UnusableAnswer } from './asked-servers.ts'
import { type JudgedState, judgedState } from './judged-state.ts'
import type { PduChecks } from './neighbours.ts'

export interface ReadJoinAnswersParts {
  readonly checks: PduChecks
  readonly clock: Clock
}

export interface JoinAnswerContext {
  readonly roomId: RoomId
  readonly version: RoomVersion
  /** The join as this server sent it. */
  readonly join: CheckedEvent
  /** Whether members may be left out. */
  readonly mayOmit: boolean
}

/** The room as the answer has it: `by` is the join with all signatures. */
export interface EnteredRoom extends JudgedState {
  readonly by: CheckedEvent
  /** The servers in the room, where members were left out. */
  readonly servers: readonly ServerName[] | undefined
}

/** Events that are checked together: enough to be given to threads. */
const BATCH = 256
/** Batches that are checked while the next one is read. */
const BATCHES_AT_ONCE = 3
const MAX_SERVERS = 50_000
/** Limits of an event with white space and `unsigned`, and of the whole answer. */
const MAX_EVENT_TEXT = 512 * 1024
const MAX_ANSWER = 1024 * 1024 * 1024
const EVENT_LIMITS = { maxSizeBytes: MAX_EVENT_TEXT, maxDepth: 100, maxValues: 60_000 }
/** The longest that one piece of work runs before others are served. */
const SLICE_MS = 5

/** Reads answers to `send_join` while they come: no more is held than the events themselves. */
export class ReadJoinAnswers {
  readonly #checks: PduChecks
  readonly #slices: Slices

  constructor({ checks, clock }: ReadJoinAnswersParts) {
    this.#checks = checks
    this.#slices = new Slices({ clock, sliceMs: SLICE_MS })
  }

  /** Throws `UnusableAnswer` for an answer that is malformed, too long, or does not let this server in. */
  async read(chunks: AsyncIterable<Uint8Array>, context: JoinAnswerContext): Promise<EnteredRoom> {
    const gathering = new Gathering(this.#checks, context)
    try {
      const options = { lists: LISTS, wanted: WANTED, maxTextBytes: MAX_EVENT_TEXT, maxBytes: MAX_ANSWER }
      for await (const members of jsonMembers(chunks, options))
        for (const { name, text } of members) await gathering.add(name, text)
      await gathering.finish()
    } catch (error) {
      throw error instanceof JsonMembersFailure ? new UnusableAnswer(error.message, { cause: error }) : error
    }
    const by = gathering.join()
    const servers = gathering.servers()
    const judged = await judgedState(
      {
        ...{ version: context.version, events: gathering.events, stateIds: gathering.stateIds, join: by },
        lacksMembers: servers !== undefined,
      },
      this.#slices.begin(),
    )
    return { ...judged, by, servers }
  }
}

const LISTS: ReadonlySet<string> = new Set(['state', 'auth_chain', 'servers_in_room'])
const WANTED: ReadonlySet<string> = new Set(['event', 'members_omitted'])

interface NamedPdu {
  readonly name: string
  readonly pdu: JsonValue
}

interface BatchUnderWay {
  readonly batch: readonly NamedPdu[]
  readonly outcomes: ReturnType<PduChecks['check']>
}

class Gathering {
  readonly events = new Map<EventId, CheckedEvent>()
  readonly stateIds: EventId[] = []
  readonly #checks: PduChecks
  readonly #context: JoinAnswerContext
  #batch: NamedPdu[] = []
  readonly #underWay: BatchUnderWay[] = []
  readonly #cited = new Map<EventId, EventId>()
  #join: CheckedEvent | undefined
  #count = 0
  readonly #servers = new Set<ServerName>()
  #lacksMembers = false

  constructor(checks: PduChecks, context: JoinAnswerContext) {
    this.#checks = checks
    this.#context = context
  }

  async add(name: string, text: string): Promise<void> {
    const parsed = parseJson(text, EVENT_LIMITS)
    // An event that cannot be read is left out, as one with a wrong signature is.
    if (!parsed.ok) return
    if (name === 'members_omitted') {
      if (parsed.value === true && !this.#context.mayOmit)
        throw new UnusableAnswer('members were left out though they were asked for')
      this.#lacksMembers = parsed.value === true
      return
    }
    if (name === 'servers_in_room') {
      const server = typeof parsed.value === 'string' ? parseServerName(parsed.value) : undefined
      if (server !== undefined) this.#servers.add(server)
      if (this.#servers.size > MAX_SERVERS) throw new UnusableAnswer('the answer names too many servers')
      return
    }
    if (++this.#count > MAX_STATE_EVENTS) throw new UnusableAnswer('the answer has too many events')
    this.#batch.push({ name, pdu: parsed.value })
    if (this.#batch.length < BATCH) return
    this.#check()
    if (this.#underWay.length >= BATCHES_AT_ONCE) await this.#take()
  }

  /** undefined: all members are there. Throws `UnusableAnswer` where it is not said who is in the room. */
  servers(): readonly ServerName[] | undefined {
    if (!this.#lacksMembers) return undefined
    if (this.#servers.size === 0) throw new UnusableAnswer('members were left out, and the servers in the room as well')
    return [...this.#servers]
  }

  /** Waits for all that was added. */
  async finish(): Promise<void> {
    if (this.#batch.length > 0) this.#check()
    while (this.#underWay.length > 0) await this.#take()
  }

  #check(): void {
    const batch = this.#batch
    this.#batch = []
    const outcomes = this.#checks.check(
      this.#context.version,
      batch.map(({ pdu }) => pdu),
    )
    // The first failure ends the reading; those of later batches have nobody who waits for them.
    outcomes.catch(() => {})
    this.#underWay.push({ batch, outcomes })
  }

  /** Takes the events of the oldest batch that is checked, so that they come in the order of the answer. */
  async #take(): Promise<void> {
    const first = this.#underWay.shift()
    if (first === undefined) return
    const { batch } = first
    const { roomId, join } = this.#context
    for (const [index, outcome] of (await first.outcomes).entries()) {
      if (!isChecked(outcome) || outcome.event.roomId !== roomId) continue
      const { eventId } = outcome.event
      const name = batch[index]?.name
      if (name === 'event') {
        if (eventId === join.event.eventId) this.#join = outcome
        continue
      }
      if (eventId === join.event.eventId) continue
      if (!this.events.has(eventId)) this.events.set(eventId, this.#sharing(outcome))
      if (name === 'state') this.stateIds.push(eventId)
    }
  }

  /** The event with texts that others have as well only once in memory: most events of a large room cite the same few. */
  #sharing({ event, json }: CheckedEvent): CheckedEvent {
    const authEvents = event.authEvents.map((cited) => {
      const known = this.#cited.get(cited) ?? cited
      this.#cited.set(known, known)
      return known
    })
    const stateKey = event.stateKey === event.sender ? event.sender : event.stateKey
    return { event: { ...event, roomId: this.#context.roomId, authEvents, stateKey }, json }
  }

  /** The join with the signature of the server that lets this one in, where one has to. Throws `UnusableAnswer` where that is missing. */
  join(): CheckedEvent {
    const { join, version } = this.#context
    if (this.#join !== undefined) return this.#join
    if (version.auth.restrictedJoins && Object.hasOwn(join.event.content, 'join_authorised_via_users_server'))
      throw new UnusableAnswer('the answer lacks the join with the signature of who vouches for it')
    return join
  }
}
