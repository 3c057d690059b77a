import type { Clock } from '#base'
import type { EventsReader, MembersReader, RoomRecordsReader, StoredEvent } from '#store'
import type { EventTexts } from '../events/event-texts.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { newlyMet } from '../known/newly-met.ts'
import type { RecentEvents } from '../known/recent-events.ts'
import type { Visibility } from '../known/visibility.ts'
import type { PresenceNow } from '../presence/presence-now.ts'
import type { InviteTexts } from './invites.ts'
import { type RoomEventsPage, roomEvents } from './room-events.ts'
import { type StreamScope, StreamVisibility } from './scope.ts'
import { presenceItems } from './stream-items.ts'

export interface RoomItemsParts {
  readonly clock: Clock
  readonly reader: EventsReader & MembersReader & RoomRecordsReader
  readonly recent: RecentEvents
  readonly visibility: Visibility
  readonly texts: EventTexts
  readonly invites: InviteTexts
  readonly presence: PresenceNow
}

export interface RoomItemsWant {
  readonly viewer: RoomViewer
  readonly scope: StreamScope
  readonly direction: 'forward' | 'backward'
  /** Events with `after` < position <= `upTo`. */
  readonly after: number
  readonly upTo: number
  readonly limit: number
}

/** The room events of an event stream. */
export class RoomItems {
  readonly #parts: RoomItemsParts

  constructor(parts: RoomItemsParts) {
    this.#parts = parts
  }

  page({ viewer, scope, direction, after, upTo, limit }: RoomItemsWant): Promise<RoomEventsPage> {
    const visible = new StreamVisibility({ viewer, scope, visibility: this.#parts.visibility, after })
    const shows = (event: StoredEvent): boolean | Promise<boolean> => visible.shows(event)
    return roomEvents({ rooms: scope.rooms, direction, after, upTo, limit, shows }, this.#parts)
  }

  async texts(events: readonly StoredEvent[], viewer: RoomViewer): Promise<string[]> {
    const texts = await this.#parts.texts.each({ events, viewer, form: 'old' })
    for (const [index, event] of events.entries()) {
      if (event.stateKey !== viewer.userId) continue
      texts[index] = await this.#parts.invites.completed(texts[index] as string, event, viewer.userId)
    }
    return texts
  }

  /** Presence of the users whom the viewer meets by these events. */
  async newPresence(events: readonly StoredEvent[], scope: StreamScope, viewer: RoomViewer): Promise<string[]> {
    const isJoined = (room: number): boolean => scope.present.includes(room)
    const met = await newlyMet({ userId: viewer.userId, events, isJoined }, this.#parts.reader)
    return met.length === 0 ? [] : presenceItems(this.#parts.presence.ofUsers(met), scope.ignored, viewer)
  }
}
