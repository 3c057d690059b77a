import { powerLevelsOf } from '#rules'
import { type EventId, type RoomEvent, serverOf, stateTupleKey } from '#spec'
import type { EventsReader, RoomGraphReader, StoredEvent } from '#store'
import type { StateEntry } from '../turns/live-room.ts'
import type { RoomTurn } from '../turns/turn.ts'
import type { RoomEvents } from './room-events.ts'
import type { RoomStates } from './room-states.ts'
import { viewOf } from './state-view.ts'

export interface LateRedactionsParts {
  readonly reader: RoomGraphReader & Pick<EventsReader, 'event'>
  readonly events: RoomEvents
  readonly states: RoomStates
}

type Target = Pick<StoredEvent, 'type' | 'sender'>

/** Applies redactions of other servers, in whichever order they and their targets come (server-server API, "Redactions"; room versions, "Handling redactions"). */
export class LateRedactions {
  readonly #parts: LateRedactionsParts

  constructor(parts: LateRedactionsParts) {
    this.#parts = parts
  }

  /** To be called after the event was taken into the room's history: applies it if it is a redaction, and redactions that came before it. */
  async follow(turn: RoomTurn, { event, json }: StateEntry): Promise<void> {
    if (event.type === 'm.room.redaction' && event.redacts !== undefined) await this.#redact(turn, event, event.redacts)
    for (const { redaction } of await this.#parts.reader.waitingRedactions(turn.live.room, [event.eventId])) {
      const by = (await this.#parts.events.load(turn.live, [redaction])).get(redaction)
      if (by === undefined || !(await this.#mayRedact(turn, by, event))) continue
      const { eventId, type, stateKey } = event
      await turn.redact({ eventId, type, stateKey, json }, redaction)
      return
    }
  }

  /**
   * The reason for which clients are not shown a redaction: it redacts nothing, or nothing that is here yet. Clients apply what they are shown, so they get only what this server
   * applies; undefined for that and for other events.
   */
  async withheld(turn: RoomTurn, event: RoomEvent): Promise<string | undefined> {
    // In the first versions the authorisation rules have decided already.
    if (event.type !== 'm.room.redaction' || turn.version.auth.redactionRule) return undefined
    if (event.redacts === undefined) return 'it redacts nothing'
    const stored = await this.#parts.reader.event(event.redacts)
    const target = stored ?? turn.added(event.redacts)
    if (target === undefined) return 'what it redacts is not here'
    if (stored !== undefined && stored.room !== turn.live.room) return 'it redacts an event of another room'
    return (await this.#mayRedact(turn, event, target)) ? undefined : 'its sender may not redact this'
  }

  async #redact(turn: RoomTurn, redaction: RoomEvent, target: EventId): Promise<void> {
    const stored = await this.#parts.reader.event(target)
    const added = stored === undefined ? turn.added(target) : undefined
    const found = stored ?? added
    if (found === undefined) {
      turn.redactLater(target, redaction.eventId)
      return
    }
    if (stored !== undefined && (stored.redactedBy !== undefined || stored.room !== turn.live.room)) return
    if (await this.#mayRedact(turn, redaction, found)) await turn.redact(found, redaction.eventId)
  }

  /** A redaction counts if its sender has the power at that point of the history, or is of the same server as the target's. */
  async #mayRedact(turn: RoomTurn, redaction: RoomEvent, target: Target): Promise<boolean> {
    if (target.type === 'm.room.create') return false
    if (serverOf(redaction.sender) === serverOf(target.sender)) return true
    const [create, levels] = await this.#powerAt(turn, redaction)
    return (
      create !== undefined &&
      powerLevelsOf(turn.version, create, levels).ofUser(redaction.sender) >=
        powerLevelsOf(turn.version, create, levels).redact
    )
  }

  /** The entries that say who has which power, before the redaction; a redaction of this turn is after all that the room has. */
  async #powerAt(
    turn: RoomTurn,
    { eventId }: RoomEvent,
  ): Promise<readonly [RoomEvent | undefined, RoomEvent | undefined]> {
    const { reader, events, states } = this.#parts
    const [stored] = await reader.graphEvents([eventId])
    if (stored?.before === undefined)
      return [await turn.state('m.room.create'), await turn.state('m.room.power_levels')]
    const tuples = POWER_TYPES.map((type) => ({ type, stateKey: '' }))
    const values = await states.values(turn.live.room, viewOf(stored.before), tuples)
    const found = await events.load(turn.live, values.values())
    const [create, levels] = tuples.map(({ type, stateKey }) => {
      const value = values.get(stateTupleKey(type, stateKey))
      return value === undefined ? undefined : found.get(value)
    })
    return [create, levels]
  }
}

const POWER_TYPES = ['m.room.create', 'm.room.power_levels'] as const
