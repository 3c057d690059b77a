import { type Clock, type Soon, yieldToEventLoop } from '#base'
import type { UserId } from '#spec'
import type { MembershipRecord, MembersReader, RoomNumber, RoomRecordsReader, StoredEvent } from '#store'
import type { Positions, Snapshot } from '#streams'
import type { RecentEvents } from '../../known/recent-events.ts'
import type { Memories } from '../connection/memories.ts'
import type { KnownRoom } from '../connection/packed-rooms.ts'
import type { RoomMemory } from '../connection/room-memory.ts'
import type { AnsweredRoom, RoomScope } from '../extension.ts'
import type { AdmittedRequest } from '../request.ts'
import type { RoomsAnswer } from '../rooms-answer.ts'
import { AnswerScope } from './answer-scope.ts'
import type { DecidedRoom, Decision } from './decision.ts'
import type { AnswerOfRooms, PlannedRoom } from './planned-room.ts'
import { configFor, type RoomConfigs, requiredFor } from './room-configs.ts'
import type { ResultOfRoom, RoomResults } from './room-results.ts'
import type { Scope } from './scope.ts'

/** Findings made while the lists stood still. */
export interface Found {
  readonly now: Positions
  readonly decision: Decision
  readonly scope: Scope
  readonly records: ReadonlyMap<RoomNumber, MembershipRecord>
  /** The value of `lists`, as JSON. */
  readonly counts: string
}

export interface RoomsWriting {
  readonly memories: Pick<Memories, 'write'>
  readonly configs: Pick<RoomConfigs, 'combine'>
  readonly recent: Pick<RecentEvents, 'between' | 'inMemory'>
  readonly results: RoomResults
  readonly reader: Pick<MembersReader, 'membership'> & Pick<RoomRecordsReader, 'room'>
  readonly clock: Clock
}

export interface FoundRoomsParts {
  readonly writing: RoomsWriting
  readonly admitted: AdmittedRequest
  readonly tick: number
  readonly ignored: ReadonlySet<UserId>
  /** A hash of the lists and subscriptions, for the memory. */
  readonly config: number
  /** The memory of this answer alone: changed as its rooms are written. */
  readonly memory: RoomMemory
  readonly found: Found
}

/** Rooms written in one slice of the event loop, and at most in one go. */
const ROOMS_A_SLICE = 4

type EventsByRoom = ReadonlyMap<RoomNumber, readonly StoredEvent[]>

/** The rooms of one answer: they are written when it is asked for them. */
export class FoundRooms implements RoomsAnswer {
  readonly now: Snapshot
  readonly scope: RoomScope
  readonly lists: string
  readonly #parts: FoundRoomsParts
  readonly #answer: AnswerOfRooms
  readonly #answered = new Map<RoomNumber, AnsweredRoom>()

  constructor(parts: FoundRoomsParts) {
    const { admitted, tick, ignored, memory, found } = parts
    const { request, run, generation } = admitted
    this.#parts = parts
    this.#answer = { request, run, generation, window: { viewer: request.viewer, now: found.now, ignored } }
    this.now = { tick, positions: found.now }
    this.lists = found.counts
    this.scope = new AnswerScope({
      ...{ decision: found.decision, scope: found.scope, records: found.records },
      ...{ memory, answered: this.#answered },
    })
  }

  memory(): Soon<string> {
    const { writing, admitted, memory, config } = this.#parts
    return writing.memories.write(admitted.request, admitted, memory, config)
  }

  brief(): Soon<readonly string[] | undefined> {
    const { found, writing } = this.#parts
    const { told, gone } = found.decision
    if (gone.length > 0 || told.length > ROOMS_A_SLICE) return undefined
    if (told.length === 0) return []
    const since = this.#since()
    const recent = since === undefined ? undefined : writing.recent.inMemory(since.events, found.now.events)
    return recent === undefined ? undefined : this.#briefly(byRoom(found.decision, recent), [])
  }

  /** The rooms written so far are noted when all are. */
  #briefly(events: EventsByRoom, written: PlannedResult[]): Soon<readonly string[] | undefined> {
    const { told } = this.#parts.found.decision
    while (written.length < told.length) {
      const decided = told[written.length]
      const plan = decided === undefined ? undefined : this.#planOf(decided, events)
      const result = plan === undefined ? undefined : this.#parts.writing.results.brief(this.#answer, plan)
      if (plan === undefined || result === undefined) return undefined
      if (result instanceof Promise)
        return result.then((made) =>
          made === undefined ? undefined : this.#briefly(events, [...written, [plan, made]]),
        )
      written.push([plan, result])
    }
    return written.flatMap(([plan, result]) => this.#noted(plan, result) ?? [])
  }

  async *rooms(): AsyncGenerator<string, void, undefined> {
    const { clock, results } = this.#parts.writing
    let count = 0
    for await (const plan of this.#plans()) {
      const result = await results.write(this.#answer, plan)
      const text = result === undefined ? undefined : this.#noted(plan, result)
      if (text === undefined) continue
      yield text
      if (++count % ROOMS_A_SLICE === 0) await yieldToEventLoop(clock)
    }
  }

  /** Notes that the room was written. Returns its member of `rooms`, if it has news. */
  #noted(plan: PlannedRoom, result: ResultOfRoom): string | undefined {
    remember(this.#parts.memory, plan, result)
    if (result.text === undefined) return undefined
    this.#answered.set(plan.record.room, answeredBy(result))
    return `${JSON.stringify(plan.record.roomId)}:${result.text}`
  }

  async *#plans(): AsyncGenerator<PlannedRoom, void, undefined> {
    const { decision, records } = this.#parts.found
    const events = await this.#events()
    for (const decided of decision.told) {
      const plan = this.#planOf(decided, events)
      if (plan !== undefined) yield plan
    }
    for (const [room, known] of decision.gone) {
      const record = records.get(room) ?? (await this.#forgotten(room))
      if (record?.membership === 'leave' || record?.membership === 'ban') yield this.#planOfGone(record, known)
    }
  }

  #since(): Positions | undefined {
    return this.#answer.request.pos?.positions
  }

  /** The new events of the rooms that were in scope all the time, by room; undefined where memory does not reach back. */
  async #events(): Promise<EventsByRoom | undefined> {
    const { found, writing } = this.#parts
    const since = this.#since()
    if (since === undefined || !found.decision.told.some(({ from }) => from === since.events)) return undefined
    const recent = await writing.recent.between(since.events, found.now.events)
    return recent === undefined ? undefined : byRoom(found.decision, recent)
  }

  #planOf(
    { room, config, before, ...decided }: DecidedRoom,
    events: EventsByRoom | undefined,
  ): PlannedRoom | undefined {
    const { records, scope } = this.#parts.found
    const record = records.get(room)
    if (record === undefined) return undefined
    const { userId } = this.#answer.window.viewer
    return {
      ...decided,
      record,
      config: configFor(config, userId),
      before: before === undefined || before === 'unknown' ? before : requiredFor(before, userId),
      lists: scope.rulesOf(room).map(({ name }) => name),
      events: decided.from === this.#since()?.events ? events?.get(room) : undefined,
    }
  }

  /** A room that the user forgot is in no list of theirs. */
  async #forgotten(room: RoomNumber): Promise<MembershipRecord | undefined> {
    const { reader } = this.#parts.writing
    const { userId } = this.#answer.window.viewer
    const [member, record] = [await reader.membership(room, userId), await reader.room(room)]
    if (member === undefined || record === undefined) return undefined
    const { membership, position, forgotten } = member
    return { room, roomId: record.roomId, membership, position, forgotten }
  }

  #planOfGone(record: MembershipRecord, known: KnownRoom): PlannedRoom {
    const { scope } = this.#parts.found
    const rules = [...scope.rules.map(({ config }) => config), ...scope.subscribed.values()]
    return {
      ...{ record, moreTimeline: false, before: undefined, isDirect: undefined, direct: false },
      ...{ isRecounted: false, lists: [], events: undefined },
      config: configFor(this.#parts.writing.configs.combine(rules), this.#answer.window.viewer.userId),
      from: (known.until ?? this.#since())?.events,
    }
  }
}

type PlannedResult = readonly [plan: PlannedRoom, result: ResultOfRoom]

const byRoom = ({ told }: Decision, recent: readonly StoredEvent[]): EventsByRoom => {
  const events = new Map<RoomNumber, StoredEvent[]>()
  for (const { room } of told) events.set(room, [])
  for (const event of recent) events.get(event.room)?.push(event)
  return events
}

/** Notes how much the client has of the room's timeline without a gap. */
const remember = (memory: RoomMemory, { record, config }: PlannedRoom, { written, met }: ResultOfRoom): void => {
  const known = memory.get(record.room)
  const hasGap = met.initial || (written.timeline?.limited === true && !written.expanded)
  if (known !== undefined && hasGap) memory.set(record.room, { ...known, timelineLimit: config.timelineLimit })
}

const answeredBy = ({ met, written }: ResultOfRoom): AnsweredRoom => ({
  record: met.member.record,
  membership: met.member.membership,
  initial: written.initial,
  expanded: written.expanded,
  timeline: written.timeline?.events ?? [],
})
