import type { Clock } from '#base'
import type { EventId, JsonObject, Membership, UserId } from '#spec'
import type { RoomNumber, RoomStateReader, StoredEvent } from '#store'
import { type Bundle, type BundleSource, type Bundles, bundleMember, eventsIn, NO_BUNDLES } from './bundle.ts'
import type { ClientEvents, EventForm, EventReader } from './client-event.ts'
import { creatorsAmong } from './creators.ts'
import { type Erasures, redactedCopy, type Shown } from './erasures.ts'
import { relationOf } from './relation-of.ts'
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
  readonly bundles: BundleSource
  /** Events that are kept for the next reader: their texts are kept too, in any case. */
  readonly heads: { holds(event: StoredEvent): boolean }
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
  /** The events to which others may relate, if that is known; undefined: any. */
  readonly related?: ReadonlySet<EventId> | undefined
  /** Events that are shown without their content, as if redacted. */
  readonly hides?: ((event: StoredEvent) => boolean) | undefined
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

  async #writer(batch: EventBatch): Promise<(event: StoredEvent) => string> {
    const { events, viewer, form, visibility, tellsMembership = false, once = false, fields } = batch
    const { clientEvents, reader, clock, heads } = this.#parts
    const creators = form === 'old' ? await creatorsAmong(events, reader) : undefined
    const bundles = await this.#bundles(batch)
    const all = bundles.size === 0 ? events : [...events, ...eventsIn(bundles)]
    const inRooms = visibility === undefined ? await this.#visibilities(all, viewer) : undefined
    await visibility?.learn(tellsMembership ? all : all.filter(({ replaces }) => replaces !== undefined))
    const shownTo = await this.#shownTo(batch, all)
    const nowMs = clock.nowMs()
    const readerOf = (event: StoredEvent, isCopy: boolean, relations: string): EventReader => {
      const seen = visibility ?? inRooms?.get(event.room)
      const membership = tellsMembership ? seen?.membershipAt(event) : undefined
      const hidesPrevious = event.replaces !== undefined && seen?.hidesPrevious(event)
      const { device, userId } = viewer
      const isOnce = once && !heads.holds(event)
      return { device, userId, nowMs, membership, hidesPrevious, creators, isCopy, once: isOnce, relations }
    }
    /** Bundled events are whole in every form: whoever takes one out of its bundle finds the room in it. */
    const bundledText = (event: StoredEvent, relations: string): string | undefined => {
      const shown = shownTo(event)
      const isCopy = shown !== event
      if (isCopy && isEdit(event)) return undefined
      return clientEvents.text(shown, readerOf(event, isCopy, relations), 'full')
    }
    return (event) => {
      const shown = shownTo(event)
      const isCopy = shown !== event
      const bundle = bundles.get(event.eventId)
      const relations = bundle === undefined ? '' : bundleMember(isCopy ? unedited(bundle) : bundle, bundledText)
      const text = clientEvents.text(shown, readerOf(event, isCopy, relations), form)
      return fields === undefined ? text : JSON.stringify(fields(JSON.parse(text)))
    }
  }

  /**
   * Nothing is asked about state in sections of state: these may be long, and nobody looks there for what relates to it (as in Synapse). Clients of 2015 know no
   * relations.
   */
  async #bundles({ events, viewer, form, tellsMembership, related }: EventBatch): Promise<Bundles> {
    if (form === 'old' || form === 'federation' || related?.size === 0) return NO_BUNDLES
    const asked = events.filter(
      ({ stateKey, eventId }) =>
        (stateKey === undefined || tellsMembership === true) && (related === undefined || related.has(eventId)),
    )
    return asked.length === 0 ? NO_BUNDLES : this.#parts.bundles.of(asked, viewer)
  }

  async #shownTo({ viewer, hides }: EventBatch, events: readonly StoredEvent[]): Promise<Shown> {
    const shownTo = await this.#parts.erasures.shownTo(viewer.userId, events)
    return hides === undefined ? shownTo : (event) => (hides(event) ? redactedCopy(event) : shownTo(event))
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

/** A replacement that is a redacted copy replaces nothing. */
const isEdit = (event: StoredEvent): boolean => relationOf(event)?.relType === 'm.replace'

/** An event without content has no replacement either. */
const unedited = (bundle: Bundle): Bundle => ({ ...bundle, edit: undefined })
