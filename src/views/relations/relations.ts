import type { Clock } from '#base'
import type { EventId, RoomId } from '#spec'
import type { EventsReader, HistoryPlace, RelationsReader, StoredEvent } from '#store'
import { formatPlaceToken, type Streams } from '#streams'
import type { EventTexts } from '../events/event-texts.ts'
import { relationOf } from '../events/relation-of.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { earlierPlace, placeAfter, placeAtPosition, placeBefore, placeOf } from '../history/places.ts'
import { accessOrNotFound, seenEvent } from '../history/seen-event.ts'
import { readPage } from '../history/timeline-page.ts'
import type { Visibility } from '../known/visibility.ts'

/** `GET /relations`, tokens as the client wrote them. */
export interface RelationsRequest {
  readonly roomId: RoomId
  readonly eventId: EventId
  readonly relType: string | undefined
  readonly eventType: string | undefined
  readonly direction: 'forward' | 'backward'
  /** undefined, or empty: from the newest going backwards, from the oldest going forwards. */
  readonly from: string | undefined
  readonly to: string | undefined
  readonly limit: number | undefined
  /** Whether events that relate by way of others are told too. */
  readonly recurse: boolean
}

const DEFAULT_LIMIT = 10
/** The specification asks for three levels at least. */
const RECURSION_DEPTH = 3

export interface RelationsParts {
  readonly relations: RelationsReader
  readonly reader: EventsReader
  readonly visibility: Visibility
  readonly texts: EventTexts
  readonly clock: Clock
  readonly streams: Pick<Streams, 'reach'>
}

/** The events that relate to one event, page by page. */
export class Relations {
  readonly #parts: RelationsParts

  constructor(parts: RelationsParts) {
    this.#parts = parts
  }

  /** A JSON text. Throws `M_NOT_FOUND` for an event that the user may not see, `M_INVALID_PARAM` for a token. */
  async page(request: RelationsRequest, viewer: RoomViewer): Promise<string> {
    const { reader, visibility: rule, texts, clock } = this.#parts
    const access = await accessOrNotFound(rule, request.roomId, viewer.userId)
    const { room } = access.record
    const visibility = await rule.inRoom(room, viewer)
    const { eventId: target } = await seenEvent(request.eventId, access, visibility, reader)
    const { direction } = request
    const [after, upTo] = await this.#bounds(request, room)
    const left = access.upTo
    const end = left === undefined ? upTo : earlierPlace(upTo, await placeAtPosition(room, left, reader))
    const passes = (event: StoredEvent): boolean =>
      (left === undefined || event.position <= left) && isWanted(event, request) && visibility.mayShow(event)
    const page = await readPage(
      {
        limit: request.limit ?? DEFAULT_LIMIT,
        learn: (events) => visibility.learn(events),
        passes,
        read: (last, limit) => {
          const onward = last === undefined ? undefined : onwardPlace(direction, last)
          const bounds =
            direction === 'forward' ? { after: onward ?? after, upTo: end } : { after, upTo: onward ?? end }
          return this.#read(request, { room, target, ...bounds, direction, limit })
        },
      },
      clock,
    )
    const chunk = await texts.joined({ events: page.events, viewer, form: 'full', visibility, tellsMembership: true })
    const next =
      page.complete || page.last === undefined
        ? ''
        : `,"next_batch":"${formatPlaceToken(onwardPlace(direction, page.last))}"`
    const previous = request.from ? `,"prev_batch":${JSON.stringify(request.from)}` : ''
    const depth = request.recurse ? `,"recursion_depth":${RECURSION_DEPTH}` : ''
    return `{"chunk":[${chunk}]${next}${previous}${depth}}`
  }

  async #bounds({ direction, from, to }: RelationsRequest, room: number): Promise<readonly [Place, Place]> {
    const first = await placeOf(from, room, this.#parts)
    const last = await placeOf(to, room, this.#parts)
    return direction === 'forward' ? [first, last] : [last, first]
  }

  /** Events that relate directly and indirectly are read alike, and merged: an event is never both. */
  async #read(
    { recurse, relType }: RelationsRequest,
    query: Parameters<RelationsReader['indirectRelations']>[0],
  ): Promise<readonly StoredEvent[]> {
    const { relations } = this.#parts
    if (!recurse) return relations.relations({ ...query, relType })
    const both = [...(await relations.relations(query)), ...(await relations.indirectRelations(query))]
    const sign = query.direction === 'forward' ? 1 : -1
    return both.sort((one, other) => sign * (one.depth - other.depth || one.event - other.event)).slice(0, query.limit)
  }
}

type Place = HistoryPlace | undefined

const isWanted = (event: StoredEvent, { relType, eventType }: RelationsRequest): boolean => {
  if (eventType !== undefined && event.type !== eventType) return false
  return relType === undefined || relationOf(event)?.relType === relType
}

const onwardPlace = (direction: 'forward' | 'backward', last: StoredEvent): HistoryPlace =>
  direction === 'forward' ? placeAfter(last) : placeBefore(last)
