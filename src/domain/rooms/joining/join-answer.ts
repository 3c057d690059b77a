import type { LongText } from '#base'
import type { StateMap } from '#rules'
import { type EventId, parseStateTupleKey, type RoomId, type ServerName } from '#spec'
import type { EventsReader, RoomServersReader } from '#store'
import type { RoomGraph } from '../graph/index.ts'
import type { AuthChains } from './neighbours.ts'
import type { TakenHandshake } from './take-handshakes.ts'
import type { ToldBranches } from './told-branches.ts'

export interface JoinAnswersParts {
  readonly reader: Pick<EventsReader, 'events'> & Pick<RoomServersReader, 'serversOf'>
  readonly graph: Pick<RoomGraph, 'stateBefore'>
  readonly chains: AuthChains
  readonly branches: Pick<ToldBranches, 'tellLater'>
  readonly serverName: ServerName
}

/** Events read and written in one piece of the answer. */
const EVENTS_A_PIECE = 50
/** Members that name a room without a name. */
const HEROES = 5

/** Writes the answers to `send_join`: the state before the join with all that it stands on, in pieces. */
export class JoinAnswers {
  readonly #parts: JoinAnswersParts

  constructor(parts: JoinAnswersParts) {
    this.#parts = parts
  }

  /** `omitMembers`: only those members that the room's name and the rest of the state need. */
  async of({ record, event }: TakenHandshake, omitMembers: boolean): Promise<LongText> {
    const { graph, chains, reader, serverName } = this.#parts
    const { eventId, roomId, authEvents } = event.event
    const state = (await graph.stateBefore(roomId, eventId)) ?? new Map<string, EventId>()
    const told = omitMembers ? withoutMembers(state) : [...state.values()]
    const chain = await chains.authChain([...new Set([...told, ...authEvents])])
    // "Any events that are returned in `state` may be omitted from `auth_chain`" where members may be.
    const inState = new Set(omitMembers ? told : [])
    const also = [...authEvents, ...chain].filter((one) => !inState.has(one))
    const head = {
      origin: serverName,
      members_omitted: omitMembers,
      ...(omitMembers ? { servers_in_room: (await reader.serversOf(record.room)).map(({ name }) => name) } : {}),
    }
    const begun = `{${JSON.stringify(head).slice(1, -1)},"event":${event.json},"state":[`
    return { begun: [begun], rest: this.#rest(roomId, told, [...new Set(also)]) }
  }

  async *#rest(
    roomId: RoomId,
    state: readonly EventId[],
    chain: readonly EventId[],
  ): AsyncGenerator<string, void, undefined> {
    try {
      yield* this.#texts(state)
      yield '],"auth_chain":['
      yield* this.#texts(chain)
      yield ']}'
    } finally {
      this.#parts.branches.tellLater(roomId)
    }
  }

  async *#texts(eventIds: readonly EventId[]): AsyncGenerator<string, void, undefined> {
    let comma = ''
    for (let start = 0; start < eventIds.length; start += EVENTS_A_PIECE) {
      const events = await this.#parts.reader.events(eventIds.slice(start, start + EVENTS_A_PIECE))
      if (events.length === 0) continue
      yield comma + events.map(({ json }) => json).join()
      comma = ','
    }
  }
}

/** The state without its members, but for those that name a room which has no name. */
const withoutMembers = (state: StateMap): readonly EventId[] => {
  const kept: EventId[] = []
  const members: EventId[] = []
  let isNamed = false
  for (const [key, eventId] of state) {
    const { type, stateKey } = parseStateTupleKey(key) ?? { type: '', stateKey: '' }
    if (type === 'm.room.member') {
      if (members.length < HEROES) members.push(eventId)
      continue
    }
    isNamed ||= stateKey === '' && (type === 'm.room.name' || type === 'm.room.canonical_alias')
    kept.push(eventId)
  }
  return isNamed ? kept : [...kept, ...members]
}
