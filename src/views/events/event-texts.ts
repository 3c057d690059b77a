import type { Clock } from '#base'
import type { JsonObject, Membership, UserId } from '#spec'
import type { RoomNumber, RoomStateReader, StoredEvent } from '#store'
import type { ClientEvents, EventForm } from './client-event.ts'
import { creatorsAmong } from './creators.ts'
import type { Erasures } from './erasures.ts'
import { spliceTexts } from './splice-texts.ts'

/** The parts of an event's text that depend on what its reader may see. */
export interface EventVisibility {
  /** To be called with events before anything is asked about them. */
  learn(events: readonly StoredEvent[]): Promise<void>
  /** The reader's membership when the event was sent. */
  membershipAt(event: StoredEvent): Membership
  hidesPrevious(event: StoredEvent): boolean
}

/** The users and devices for whom texts are made. */
export interface EventsViewer {
  readonly userId: UserId
  readonly user: number
  readonly device: number | undefined
}

export interface EventTextsParts {
  readonly clientEvents: ClientEvents
  readonly reader: RoomStateReader
  readonly clock: Clock
  readonly visibility: { inRoom(room: RoomNumber, viewer: EventsViewer): Promise<EventVisibility> }
  readonly erasures: Pick<Erasures, 'shownTo'>
}

/** A batch of events for one reader. */
export interface EventBatch {
  readonly events: readonly StoredEvent[]
  readonly viewer: EventsViewer
  readonly form: EventForm
  /** The visibility for the viewer, if all events are of one room. undefined: read for each room whose events need it. */
  readonly visibility?: EventVisibility | undefined
  /** Whether `unsigned` tells the viewer's membership when the event was sent; needs `visibility`. */
  readonly tellsMembership?: boolean
  /** The texts are needed this once: they displace nothing that many readers ask for. */
  readonly once?: boolean
  /** Leaves only the fields that a filter asks for. */
  readonly fields?: ((event: JsonObject) => JsonObject) | undefined
}

/**
 * Writes batches of events in the form for clients; nothing else does. It adds what depends on the reader: transaction ids, membership, and
 * whether the replaced content is shown; and it gives redacted copies of what is erased.
 */
export class EventTexts {
  readonly #parts: EventTextsParts

  constructor(parts: EventTextsParts) {
    this.#parts = parts
  }

  /** The members of a JSON list, joined by commas. */
  async joined(batch: EventBatch): Promise<string> {
    if (batch.events.length === 0) return ''
    return spliceTexts(batch.events, await this.#writer(batch), this.#parts.clock)
  }

  /** The text of each event. */
  async each(batch: EventBatch): Promise<string[]> {
    return batch.events.length === 0 ? [] : batch.events.map(await this.#writer(batch))
  }

  async #writer({
    events,
    viewer,
    form,
    visibility,
    tellsMembership = false,
    once = false,
    fields,
  }: EventBatch): Promise<(event: StoredEvent) => string> {
    const { clientEvents, reader, clock } = this.#parts
    const creators = form === 'old' ? await creatorsAmong(events, reader) : undefined
    const inRooms = visibility === undefined ? await this.#visibilities(events, viewer) : undefined
    await visibility?.learn(tellsMembership ? events : events.filter(({ replaces }) => replaces !== undefined))
    const shownTo = await this.#parts.erasures.shownTo(viewer.userId, events)
    const { device } = viewer
    const nowMs = clock.nowMs()
    return (event) => {
      const seen = visibility ?? inRooms?.get(event.room)
      const membership = tellsMembership ? seen?.membershipAt(event) : undefined
      const hidesPrevious = event.replaces !== undefined && seen?.hidesPrevious(event)
      const shown = shownTo(event)
      const isCopy = shown !== event
      const text = clientEvents.text(shown, { device, nowMs, membership, hidesPrevious, creators, isCopy, once }, form)
      return fields === undefined ? text : JSON.stringify(fields(JSON.parse(text)))
    }
  }

  /** By room; only for rooms with an event that shows replaced content. */
  async #visibilities(
    events: readonly StoredEvent[],
    viewer: EventsViewer,
  ): Promise<ReadonlyMap<RoomNumber, EventVisibility>> {
    const replacing = Map.groupBy(
      events.filter(({ replaces }) => replaces !== undefined),
      ({ room }) => room,
    )
    const inRooms = new Map<RoomNumber, EventVisibility>()
    for (const [room, ofRoom] of replacing) {
      const visibility = await this.#parts.visibility.inRoom(room, viewer)
      await visibility.learn(ofRoom)
      inRooms.set(room, visibility)
    }
    return inRooms
  }
}
