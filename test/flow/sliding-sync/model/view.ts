import type { Json } from '../../../support/client.ts'
import { keyOf, type SlidingConnection, type SlidingWish, type SubscriptionWish } from '../connection.ts'
import { keyOfState } from './truth.ts'

/** The knowledge of a room that a client has from the answers of one connection. */
export interface RoomView {
  /** A part of the room's history without a gap, up to the newest event. */
  timeline: Json[]
  readonly state: Map<string, Json>
  stripped: Json[] | undefined
  name: string | null | undefined
  joined: number | undefined
  invited: number | undefined
  isDm: boolean
  bumpStamp: number | undefined
  membership: string | undefined
}

const newRoom = (): RoomView => ({
  ...{ timeline: [], state: new Map<string, Json>(), stripped: undefined, name: undefined },
  ...{ joined: undefined, invited: undefined, isDm: false, bumpStamp: undefined, membership: undefined },
})

/** A client of one connection: it does with each answer what the proposals say, and no more. */
export class View {
  readonly connection: SlidingConnection
  readonly rooms = new Map<string, RoomView>()
  readonly counts = new Map<string, number>()
  readonly global = new Map<string, Json>()
  readonly accountData = new Map<string, Map<string, Json>>()
  /** By room, then by type, user and thread: the event. */
  readonly receipts = new Map<string, Map<string, string>>()
  readonly typing = new Map<string, readonly string[]>()
  /** Events that came with the receipts on them. */
  readonly shown = new Set<string>()
  /** Events that came where members were to be told lazily, whatever matched the room. */
  readonly lazily = new Set<string>()
  /** Things that no answer may do. */
  readonly faults: string[] = []

  constructor(connection: SlidingConnection) {
    this.connection = connection
  }

  /** Takes an answer. Returns whether it told anything. */
  take(answer: Json, { lists = {}, subscriptions = {} }: SlidingWish): boolean {
    const configs: SubscriptionWish[] = [...Object.values(lists), ...Object.values(subscriptions)]
    if (configs.every(({ lazyMembers }) => lazyMembers === true))
      for (const { timeline = [] } of Object.values<Json>(answer.rooms))
        for (const { event_id } of timeline) this.lazily.add(event_id)
    for (const [name, { count }] of Object.entries<Json>(answer.lists)) this.counts.set(name, count)
    for (const [roomId, room] of Object.entries<Json>(answer.rooms)) this.#takeRoom(roomId, room)
    const { connection } = this
    this.#takeAccountData(connection.extension(answer, 'account_data') ?? {})
    this.#takeReceipts(connection.extension(answer, 'receipts')?.rooms ?? {})
    for (const [roomId, typing] of Object.entries<Json>(connection.extension(answer, 'typing')?.rooms ?? {}))
      this.typing.set(roomId, (typing.content ?? typing).user_ids)
    // The counts of keys are in every answer.
    const told = Object.keys(answer.extensions).filter((key) => key !== keyOf(connection.form, 'e2ee'))
    return Object.keys(answer.rooms).length + told.length > 0
  }

  #takeRoom(roomId: string, told: Json): void {
    const known = this.rooms.get(roomId)
    if (known === undefined && told.initial !== true)
      this.faults.push(`${roomId} is new to the client, and not initial`)
    const room = told.initial === true || known === undefined ? newRoom() : known
    this.rooms.set(roomId, room)
    const isExpanded = told.expanded_timeline === true || told.unstable_expanded_timeline === true
    if (told.timeline !== undefined) {
      if (told.limited === true || isExpanded) room.timeline = []
      room.timeline.push(...told.timeline)
    }
    if (told.initial === true || isExpanded) for (const { event_id } of told.timeline ?? []) this.shown.add(event_id)
    this.#mindLive(roomId, told)
    for (const event of told.required_state ?? []) {
      const key = keyOfState(event.type, event.state_key)
      if (event.content === undefined) room.state.delete(key)
      else room.state.set(key, event)
    }
    const stripped = told.stripped_state ?? told.invite_state
    if (stripped !== undefined) room.stripped = stripped
    if (told.name !== undefined) room.name = told.name
    if (told.joined_count !== undefined) room.joined = told.joined_count
    if (told.invited_count !== undefined) room.invited = told.invited_count
    if (told.is_dm !== undefined) room.isDm = told.is_dm
    if (told.bump_stamp !== undefined) room.bumpStamp = told.bump_stamp
    if (told.membership !== undefined) room.membership = told.membership
  }

  #mindLive(roomId: string, { timeline = [], num_live = 0, bump_stamp = 1 }: Json): void {
    if (num_live > timeline.length) this.faults.push(`${roomId} has ${num_live} live events of ${timeline.length}`)
    if (!(bump_stamp > 0)) this.faults.push(`${roomId} has the bump stamp ${bump_stamp}`)
    const ids = timeline.map(({ event_id }: Json) => event_id)
    if (new Set(ids).size < ids.length) this.faults.push(`${roomId} has an event twice in one answer`)
  }

  #takeAccountData({ global = [], rooms = {} }: Json): void {
    for (const { type, content } of global) this.global.set(type, content)
    for (const [roomId, entries] of Object.entries<Json>(rooms)) {
      const held = this.accountData.get(roomId) ?? new Map<string, Json>()
      this.accountData.set(roomId, held)
      for (const { type, content } of entries) held.set(type, content)
    }
  }

  #takeReceipts(rooms: Json): void {
    for (const [roomId, told] of Object.entries<Json>(rooms)) {
      const held = this.receipts.get(roomId) ?? new Map<string, string>()
      this.receipts.set(roomId, held)
      for (const [eventId, types] of Object.entries<Json>(told.content ?? told))
        for (const [type, users] of Object.entries<Json>(types))
          for (const [userId, { thread_id = '' }] of Object.entries<Json>(users))
            held.set([type, userId, thread_id].join(' '), eventId)
    }
  }
}
