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
import type { AdmittedRequest, RoomFilters, SlidingRequest, SlidingWish } from '../request.ts'
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
  readonly wished: Wished
}

/** Everything that follows from the lists and subscriptions of a request alone. */
interface Wished {
  readonly subscriptions: SlidingWish['subscriptions']
  readonly hash: number
  /** Of the lists, in their order, and so are the beginnings of their members of `lists`. */
  readonly filters: readonly RoomFilters[]
  readonly labels: readonly string[]
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
  readonly #wished = new WeakMap<SlidingWish['lists'], Wished>()

  constructor(parts: SlidingRoomsParts) {
    this.#parts = parts
  }

  look(admitted: AdmittedRequest, now: Snapshot, ignored: ReadonlySet<UserId>): Soon<RoomsAnswer> {
    const asked: Asked = { admitted, now, ignored, wished: this.#wishedIn(admitted.request) }
    const remembered = this.#parts.memories.read(admitted.request)
    return remembered instanceof Promise
      ? remembered.then((known) => this.#lookFrom(asked, known))
      : this.#lookFrom(asked, remembered)
  }

  #lookFrom(asked: Asked, remembered: Remembered): Soon<RoomsAnswer> {
    const { admitted, now, wished } = asked
    const memory = remembered.memory.copy()
    const isSame = remembered.config === wished.hash
    const find = (recounted: ReadonlySet<RoomNumber>): Soon<RoomsAnswer> => {
      const found = this.#find(asked, now.positions, { memory, isSame, recounted })
      return found instanceof Promise
        ? found.then((made) => this.#answer(asked, memory, made))
        : this.#answer(asked, memory, found)
    }
    const recounted = this.#recounted(admitted.request, now.positions, memory)
    return recounted instanceof Promise ? recounted.then(find) : find(recounted)
  }

  #answer({ admitted, now, ignored, wished }: Asked, memory: RoomMemory, found: Found): RoomsAnswer {
    const config = wished.hash
    return new FoundRooms({ writing: this.#parts.writing, admitted, tick: now.tick, ignored, config, memory, found })
  }

  /** A request that waits is asked for it again and again, and so are all that have the same body. */
  #wishedIn({ lists, subscriptions }: SlidingWish): Wished {
    const known = this.#wished.get(lists)
    if (known?.subscriptions === subscriptions) return known
    const made: Wished = {
      subscriptions,
      hash: hashOf(JSON.stringify([...lists, ...subscriptions])),
      filters: [...lists.values()].map(({ filters }) => filters),
      labels: [...lists.keys()].map((name) => `${JSON.stringify(name)}:{"count":`),
    }
    this.#wished.set(lists, made)
    return made
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
    { admitted: { request }, wished: { filters, labels } }: Asked,
    now: Positions,
    { memory, isSame, recounted }: Pick<Remembered, 'memory'> & Pick<DecisionParts, 'isSame' | 'recounted'>,
  ): Soon<Found> {
    const { viewer, pos } = request
    const { configs } = this.#parts
    return this.#parts.lists.read({ viewer, now, filters }, function* (lists, filtered) {
      const scope = new Scope({ request, lists, filtered, configs })
      const decision = yield* decide({ lists, scope, configs, memory, since: pos?.positions, isSame, recounted })
      // Another request may have brought the lists further: the answer is as of there.
      const moment = lists.upTo === now.events ? now : { ...now, events: lists.upTo }
      return { now: moment, decision, scope, records: recordsOf(decision, lists), counts: countsOf(labels, filtered) }
    })
  }
}

const recordsOf = ({ told, gone }: Decision, lists: UserLists): ReadonlyMap<RoomNumber, MembershipRecord> => {
  const records = new Map<RoomNumber, MembershipRecord>()
  const note = (room: RoomNumber): void => {
    const record = lists.room(room)
    if (record !== undefined) records.set(room, record)
  }
  for (const { room } of told) note(room)
  for (const [room] of gone) note(room)
  return records
}

const countsOf = (labels: readonly string[], filtered: readonly RoomList[]): string =>
  `{${labels.map((label, index) => `${label}${filtered[index]?.order.size ?? 0}}`).join()}}`
