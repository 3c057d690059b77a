import { type Clock, type Soon, yieldToEventLoop } from '#base'
import type { UserId } from '#spec'
import type {
  MembershipRecord,
  MembersReader,
  ReceiptsReader,
  RoomNumber,
  RoomRecordsReader,
  StoredEvent,
} from '#store'
import type { Positions, Snapshot } from '#streams'
import type { RecentEvents } from '../../known/recent-events.ts'
import type { Memories, Remembered } from '../connection/memories.ts'
import type { KnownRoom } from '../connection/packed-rooms.ts'
import type { RoomMemory } from '../connection/room-memory.ts'
import type { AnsweredRoom, RoomScope } from '../extension.ts'
import type { ListsOfUsers } from '../lists/lists-of-users.ts'
import type { RoomList } from '../lists/room-list.ts'
import type { UserLists } from '../lists/user-lists.ts'
import type { AdmittedRequest, SlidingRequest } from '../request.ts'
import type { RoomsAnswer, RoomsOfAnswers } from '../rooms-answer.ts'
import { type DecidedRoom, type Decision, type DecisionParts, decide } from './decision.ts'
import type { AnswerOfRooms, PlannedRoom } from './planned-room.ts'
import { hashOf, type RoomConfigs } from './room-configs.ts'
import type { ResultOfRoom, RoomResults } from './room-results.ts'
import { Scope } from './scope.ts'

export interface SlidingRoomsParts {
  readonly lists: ListsOfUsers
  readonly memories: Memories
  readonly configs: RoomConfigs
  readonly recent: Pick<RecentEvents, 'between'>
  readonly results: RoomResults
  readonly receipts: Pick<ReceiptsReader, 'sinceIn'>
  readonly reader: Pick<MembersReader, 'membership'> & Pick<RoomRecordsReader, 'room'>
  readonly clock: Clock
}

/** Findings made while the lists stood still. */
interface Found {
  readonly now: Positions
  readonly decision: Decision
  readonly scope: Scope
  readonly records: ReadonlyMap<RoomNumber, MembershipRecord>
  readonly counts: string
}

const NO_ROOMS: ReadonlySet<RoomNumber> = new Set()

/** Rooms written in one slice of the event loop. */
const ROOMS_A_SLICE = 4

/** The rooms of answers: those in the ranges of lists, and those that are subscribed to. */
export class SlidingRooms implements RoomsOfAnswers {
  readonly #parts: SlidingRoomsParts
  readonly #hashes = new WeakMap<SlidingRequest, number>()

  constructor(parts: SlidingRoomsParts) {
    this.#parts = parts
  }

  async look(admitted: AdmittedRequest, now: Snapshot, ignored: ReadonlySet<UserId>): Promise<RoomsAnswer> {
    const { request } = admitted
    const remembered = await this.#parts.memories.read(request)
    const config = this.#hashOf(request)
    const memory = remembered.memory.copy()
    const recounted = await this.#recounted(request, now.positions, memory)
    const isSame = remembered.config === config
    const found = await this.#find(request, now.positions, { memory, isSame, recounted })
    const answered = new Map<RoomNumber, AnsweredRoom>()
    const answer: AnswerOfRooms = {
      ...{ request, run: admitted.run, generation: admitted.generation },
      window: { viewer: request.viewer, now: found.now, ignored },
    }
    return {
      now: { tick: now.tick, positions: found.now },
      scope: scopeOf(found, memory, answered),
      lists: found.counts,
      rooms: () => this.#rooms(answer, found, memory, answered),
      memory: () => this.#parts.memories.write(request, admitted, memory, config),
    }
  }

  /** A hash of the lists and subscriptions. A request that waits is asked for it again and again. */
  #hashOf(request: SlidingRequest): number {
    const known = this.#hashes.get(request)
    if (known !== undefined) return known
    const made = hashOf(JSON.stringify([...request.lists, ...request.subscriptions]))
    this.#hashes.set(request, made)
    return made
  }

  /** The rooms that the client has and in which the user's own receipts moved. MSC4186 has no counts. */
  async #recounted(
    { form, viewer, pos }: SlidingRequest,
    now: Positions,
    memory: RoomMemory,
  ): Promise<ReadonlySet<RoomNumber>> {
    if (form === 'v4' || pos === undefined || pos.positions.receipts >= now.receipts) return NO_ROOMS
    const known = {
      has: (room: RoomNumber) => memory.get(room) !== undefined,
      all: () => [...memory.rooms()].map(([room]) => room),
    }
    const moved = await this.#parts.receipts.sinceIn(known, pos.positions.receipts, now.receipts, viewer.userId)
    return new Set(moved.filter(({ userId }) => userId === viewer.userId).map(({ room }) => room))
  }

  #find(
    request: SlidingRequest,
    now: Positions,
    { memory, isSame, recounted }: Pick<Remembered, 'memory'> & Pick<DecisionParts, 'isSame' | 'recounted'>,
  ): Soon<Found> {
    const { viewer, pos } = request
    const filters = [...request.lists.values()].map((list) => list.filters)
    const { configs } = this.#parts
    return this.#parts.lists.read({ viewer, now, filters }, function* (lists, filtered) {
      const scope = new Scope({ request, lists, filtered, configs })
      const decision = yield* decide({ lists, scope, configs, memory, since: pos?.positions, isSame, recounted })
      // Another request may have brought the lists further: the answer is as of there.
      const moment = { ...now, events: lists.upTo }
      return { now: moment, decision, scope, records: recordsOf(decision, lists), counts: countsOf(request, filtered) }
    })
  }

  async *#rooms(
    answer: AnswerOfRooms,
    found: Found,
    memory: RoomMemory,
    answered: Map<RoomNumber, AnsweredRoom>,
  ): AsyncGenerator<string, void, undefined> {
    const { clock, results } = this.#parts
    let count = 0
    for await (const plan of this.#plans(answer, found)) {
      const result = await results.write(answer, plan)
      if (result === undefined) continue
      remember(memory, plan, result)
      if (result.text === undefined) continue
      answered.set(plan.record.room, answeredBy(result))
      yield `${JSON.stringify(plan.record.roomId)}:${result.text}`
      if (++count % ROOMS_A_SLICE === 0) await yieldToEventLoop(clock)
    }
  }

  async *#plans(answer: AnswerOfRooms, found: Found): AsyncGenerator<PlannedRoom, void, undefined> {
    const { decision, scope, records, now } = found
    const since = answer.request.pos?.positions
    const events = await this.#events(decision, since, now)
    for (const decided of decision.told) {
      const record = records.get(decided.room)
      if (record !== undefined) yield planOf(decided, { record, scope, events, since })
    }
    for (const [room, known] of decision.gone) {
      const record = records.get(room) ?? (await this.#forgotten(room, answer))
      if (record?.membership === 'leave' || record?.membership === 'ban')
        yield this.#planOfGone(record, known, found, since)
    }
  }

  /** The new events of the rooms that were in scope all the time, by room; undefined where memory does not reach back. */
  async #events(
    { told }: Decision,
    since: Positions | undefined,
    now: Positions,
  ): Promise<ReadonlyMap<RoomNumber, readonly StoredEvent[]> | undefined> {
    if (since === undefined || !told.some(({ from }) => from === since.events)) return undefined
    const recent = await this.#parts.recent.between(since.events, now.events)
    if (recent === undefined) return undefined
    const byRoom = new Map<RoomNumber, StoredEvent[]>(told.map(({ room }) => [room, []]))
    for (const event of recent) byRoom.get(event.room)?.push(event)
    return byRoom
  }

  /** A room that the user forgot is in no list of theirs. */
  async #forgotten(room: RoomNumber, { request }: AnswerOfRooms): Promise<MembershipRecord | undefined> {
    const { reader } = this.#parts
    const [member, record] = [await reader.membership(room, request.viewer.userId), await reader.room(room)]
    if (member === undefined || record === undefined) return undefined
    const { membership, position, forgotten } = member
    return { room, roomId: record.roomId, membership, position, forgotten }
  }

  #planOfGone(record: MembershipRecord, known: KnownRoom, { scope }: Found, since: Positions | undefined): PlannedRoom {
    const rules = [...scope.rules.map(({ config }) => config), ...scope.subscribed.values()]
    return {
      ...{
        record,
        moreTimeline: false,
        before: undefined,
        isDirect: undefined,
        direct: false,
        isRecounted: false,
        lists: [],
        events: undefined,
      },
      config: this.#parts.configs.combine(rules),
      from: (known.until ?? since)?.events,
    }
  }
}

interface Around {
  readonly record: MembershipRecord
  readonly scope: Scope
  readonly events: ReadonlyMap<RoomNumber, readonly StoredEvent[]> | undefined
  readonly since: Positions | undefined
}

const planOf = ({ room, ...decided }: DecidedRoom, { record, scope, events, since }: Around): PlannedRoom => ({
  ...decided,
  record,
  lists: scope.rulesOf(room).map(({ name }) => name),
  events: decided.from === since?.events ? events?.get(room) : undefined,
})

const recordsOf = ({ told, gone }: Decision, lists: UserLists): ReadonlyMap<RoomNumber, MembershipRecord> => {
  const records = new Map<RoomNumber, MembershipRecord>()
  for (const room of [...told.map((decided) => decided.room), ...gone.map(([number]) => number)]) {
    const record = lists.room(room)
    if (record !== undefined) records.set(room, record)
  }
  return records
}

const countsOf = ({ lists }: SlidingRequest, filtered: readonly RoomList[]): string => {
  const names = [...lists.keys()]
  return `{${names.map((name, index) => `${JSON.stringify(name)}:{"count":${filtered[index]?.order.size ?? 0}}`).join()}}`
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

/**
 * The scope for extensions. The rooms in it are those that the memory has as in scope: the lists may have moved on since. Only the names of lists are looked up when they are asked for.
 */
const scopeOf = (
  { decision, scope, records }: Found,
  memory: RoomMemory,
  answered: ReadonlyMap<RoomNumber, AnsweredRoom>,
): RoomScope => {
  const isIn = (known: KnownRoom | undefined): boolean => known !== undefined && known.until === undefined
  return {
    answered,
    entered: decision.entered,
    all: () => [...memory.rooms()].flatMap(([room, known]) => (isIn(known) ? [room] : [])),
    has: (room) => isIn(memory.get(room)),
    listsOf: (room) => scope.rulesOf(room).map(({ name }) => name),
    isSubscribed: (room) => scope.subscribed.has(room),
    roomId: (room) => records.get(room)?.roomId ?? scope.record(room)?.roomId,
    membership: (room) => records.get(room)?.membership ?? scope.record(room)?.membership,
  }
}
