import type { Soon } from '#base'
import type { UserId } from '#spec'
import type { MembershipRecord, ReceiptsReader, RoomNumber } from '#store'
import type { Positions, Snapshot } from '#streams'
import type { EventsViewer } from '../../events/event-texts.ts'
import type { Memories, Remembered } from '../connection/memories.ts'
import type { RoomMemory } from '../connection/room-memory.ts'
import type { ListsOfUsers } from '../lists/lists-of-users.ts'
import type { RoomList } from '../lists/room-list.ts'
import type { UserLists } from '../lists/user-lists.ts'
import type { AdmittedRequest, SlidingRequest, SlidingWish } from '../request.ts'
import type { RoomsAnswer, RoomsOfAnswers } from '../rooms-answer.ts'
import { type Decision, type DecisionParts, decide } from './decision.ts'
import { type Found, FoundRooms, type RoomsWriting } from './found-rooms.ts'
import { hashOf, type RoomConfigs } from './room-configs.ts'
import { Scope } from './scope.ts'

export interface SlidingRoomsParts {
  readonly lists: ListsOfUsers
  readonly memories: Memories
  readonly configs: RoomConfigs
  readonly receipts: Pick<ReceiptsReader, 'sinceIn'>
  readonly writing: RoomsWriting
}

const NO_ROOMS: ReadonlySet<RoomNumber> = new Set()

/** A request at one moment. */
interface Asked {
  readonly admitted: AdmittedRequest
  readonly now: Snapshot
  readonly ignored: ReadonlySet<UserId>
  /** See `#hashOf`. */
  readonly config: number
}

interface Hashed {
  readonly subscriptions: SlidingWish['subscriptions']
  readonly hash: number
}

interface Recounting {
  readonly viewer: EventsViewer
  readonly since: Positions
  readonly now: Positions
  readonly memory: RoomMemory
}

/** The rooms of answers: those in the ranges of lists, and those that are subscribed to. */
export class SlidingRooms implements RoomsOfAnswers {
  readonly #parts: SlidingRoomsParts
  /** By the lists: requests with the same body have the same ones. */
  readonly #hashes = new WeakMap<SlidingWish['lists'], Hashed>()

  constructor(parts: SlidingRoomsParts) {
    this.#parts = parts
  }

  look(admitted: AdmittedRequest, now: Snapshot, ignored: ReadonlySet<UserId>): Soon<RoomsAnswer> {
    const asked: Asked = { admitted, now, ignored, config: this.#hashOf(admitted.request) }
    const remembered = this.#parts.memories.read(admitted.request)
    return remembered instanceof Promise
      ? remembered.then((known) => this.#lookFrom(asked, known))
      : this.#lookFrom(asked, remembered)
  }

  #lookFrom(asked: Asked, remembered: Remembered): Soon<RoomsAnswer> {
    const { admitted, now, config } = asked
    const memory = remembered.memory.copy()
    const isSame = remembered.config === config
    const find = (recounted: ReadonlySet<RoomNumber>): Soon<RoomsAnswer> => {
      const found = this.#find(admitted.request, now.positions, { memory, isSame, recounted })
      return found instanceof Promise
        ? found.then((made) => this.#answer(asked, memory, made))
        : this.#answer(asked, memory, found)
    }
    const recounted = this.#recounted(admitted.request, now.positions, memory)
    return recounted instanceof Promise ? recounted.then(find) : find(recounted)
  }

  #answer({ admitted, now, ignored, config }: Asked, memory: RoomMemory, found: Found): RoomsAnswer {
    return new FoundRooms({ writing: this.#parts.writing, admitted, tick: now.tick, ignored, config, memory, found })
  }

  /** A hash of the lists and subscriptions. It is asked for again and again. */
  #hashOf({ lists, subscriptions }: SlidingWish): number {
    const known = this.#hashes.get(lists)
    if (known?.subscriptions === subscriptions) return known.hash
    const hash = hashOf(JSON.stringify([...lists, ...subscriptions]))
    this.#hashes.set(lists, { subscriptions, hash })
    return hash
  }

  /** The rooms that the client has and in which the user's own receipts moved. MSC4186 has no counts. */
  #recounted({ form, viewer, pos }: SlidingRequest, now: Positions, memory: RoomMemory): Soon<ReadonlySet<RoomNumber>> {
    if (form === 'v4' || pos === undefined || pos.positions.receipts >= now.receipts) return NO_ROOMS
    return this.#readRecounted({ viewer, since: pos.positions, now, memory })
  }

  async #readRecounted({ viewer, since, now, memory }: Recounting): Promise<ReadonlySet<RoomNumber>> {
    const known = {
      has: (room: RoomNumber) => memory.get(room) !== undefined,
      all: () => [...memory.rooms()].map(([room]) => room),
    }
    const moved = await this.#parts.receipts.sinceIn(known, since.receipts, now.receipts, viewer.userId)
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
      const moment = lists.upTo === now.events ? now : { ...now, events: lists.upTo }
      return { now: moment, decision, scope, records: recordsOf(decision, lists), counts: countsOf(request, filtered) }
    })
  }
}

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
