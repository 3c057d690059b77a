import type { Clock } from '#base'
import { type JsonObject, MatrixError, type RoomId } from '#spec'
import type { EventsReader, RoomNumber, StickyEventsReader, StoredEvent } from '#store'
import type { News } from '#streams'
import type { EventTexts } from '../../events/event-texts.ts'
import { joinedNumbers } from '../../known/user-rooms.ts'
import type { StickyRooms } from '../../sticky/sticky-rooms.ts'
import { type ExtensionAnswer, type ExtensionWindow, NO_NEWS, type SlidingExtension } from '../extension.ts'
import { isEnabled } from './member.ts'
import { roomsText } from './rooms-text.ts'

export interface StickyEventsExtensionParts {
  readonly reader: StickyEventsReader
  readonly events: Pick<EventsReader, 'events'>
  readonly rooms: Pick<StickyRooms, 'mayHave'>
  readonly texts: EventTexts
  readonly clock: Clock
}

interface StickyEventsConfig {
  readonly since: number
  readonly limit: number
}

/** A sticky event where it stands in the stream. */
interface Placed {
  readonly room: RoomNumber
  readonly position: number
  readonly eventId: StoredEvent['eventId']
}

const MOST_EVENTS = 100
/** Of a room that the user comes into, whatever the limit. */
const MOST_OF_NEW = 1_000
/** `next_batch` is a position of the stream `stickyEvents` behind this letter. */
const TOKEN = /^y(\d{1,16})$/

/**
 * `sticky_events` (MSC4480): those of the user's joined rooms, in the order in which they came, oldest first. What the client has is said by a token of its own: none must
 * be lost. Rooms that no filter of a list lets through are told as well, which does no harm.
 */
export class StickyEventsExtension implements SlidingExtension<StickyEventsConfig> {
  /** The name of the proposal that it was a part of. */
  readonly name = 'org.matrix.msc4354.sticky_events'
  readonly #parts: StickyEventsExtensionParts

  constructor(parts: StickyEventsExtensionParts) {
    this.#parts = parts
  }

  parse(member: JsonObject): StickyEventsConfig | undefined {
    return isEnabled(member) ? { since: sinceIn(member), limit: limitIn(member) } : undefined
  }

  concerns({ stream }: News): boolean {
    return stream === 'stickyEvents'
  }

  async read({ since, limit }: StickyEventsConfig, window: ExtensionWindow): Promise<ExtensionAnswer> {
    const upTo = window.now.stickyEvents
    const after = since > upTo ? 0 : since
    const newcomer = await this.#placed(cameInto(window), { after: 0, upTo: after, limit: MOST_OF_NEW })
    const joined = after < upTo ? joinedNumbers(await window.rooms()) : []
    const placed = await this.#placed(joined, { after, upTo, limit: limit + 1 })
    const told = [...newcomer, ...placed.slice(0, limit)]
    if (told.length === 0) return NO_NEWS
    const next = placed.length > limit ? (told.at(-1)?.position ?? after) : upTo
    return { text: `{"next_batch":"y${next}",${await this.#texts(window, told)}}`, isNews: true }
  }

  /** Events of some rooms, oldest first. */
  async #placed(
    among: readonly RoomNumber[],
    page: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): Promise<Placed[]> {
    const { reader, rooms, clock } = this.#parts
    const placed: Placed[] = []
    for (const room of among) {
      if (page.after >= page.upTo || !rooms.mayHave(room, page.after)) continue
      const found = await reader.stickyEvents(room, { ...page, nowMs: clock.nowMs() })
      for (const one of found) placed.push({ room, ...one })
    }
    return placed.sort((one, other) => one.position - other.position)
  }

  /** Not those of the ignored, nor those that the answer's timelines have. */
  async #texts({ scope, viewer, ignored, rooms }: ExtensionWindow, told: readonly Placed[]): Promise<string> {
    const { events, texts } = this.#parts
    const shown = new Set<string>()
    for (const { timeline } of scope.answered.values()) for (const { eventId } of timeline) shown.add(eventId)
    const wanted = told.map(({ eventId }) => eventId).filter((eventId) => !shown.has(eventId))
    const byRoom = new Map<RoomNumber, StoredEvent[]>()
    for (const event of wanted.length === 0 ? [] : await events.events(wanted)) {
      if (event.redactedBy !== undefined || ignored.has(event.sender)) continue
      const ofRoom = byRoom.get(event.room)
      if (ofRoom === undefined) byRoom.set(event.room, [event])
      else ofRoom.push(event)
    }
    const members: (readonly [RoomId | undefined, string])[] = []
    const records = await rooms()
    for (const [room, ofRoom] of byRoom) {
      const text = await texts.joined({ events: ofRoom, viewer, form: 'in-room' })
      members.push([records.get(room)?.roomId, `{"events":[${text}]}`])
    }
    return roomsText(members)?.slice(1, -1) ?? '"rooms":{}'
  }
}

/** Rooms that the user came into since the last answer. */
const cameInto = ({ scope, pos }: ExtensionWindow): readonly RoomNumber[] =>
  pos === undefined
    ? []
    : [...scope.answered].flatMap(([room, { initial, membership }]) => (initial && membership === 'join' ? [room] : []))

const sinceIn = ({ since }: JsonObject): number => {
  if (since === undefined || since === null) return 0
  const position = typeof since === 'string' ? Number(TOKEN.exec(since)?.[1]) : Number.NaN
  if (!Number.isSafeInteger(position))
    throw new MatrixError('M_INVALID_PARAM', 'since of sticky_events is not a token of this server')
  return position
}

const limitIn = ({ limit }: JsonObject): number => {
  if (limit === undefined || limit === null) return MOST_EVENTS
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit <= 0)
    throw new MatrixError('M_INVALID_PARAM', 'limit of sticky_events is no positive integer')
  return Math.min(limit, MOST_EVENTS)
}
