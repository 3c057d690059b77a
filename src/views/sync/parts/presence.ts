import type { Soon } from '#base'
import type { MembersReader, RoomRecordsReader } from '#store'
import { newlyMet } from '../../known/newly-met.ts'
import { joinedNumbers } from '../../known/user-rooms.ts'
import type { PresenceEntry, PresenceNow } from '../../presence/presence-now.ts'
import { presenceTexts } from '../../presence/presence-text.ts'
import type { PresenceVisibility } from '../../presence/presence-visibility.ts'
import type { PartAnswer, SyncPart, SyncWindow } from '../request.ts'

export interface PresencePartParts {
  readonly reader: MembersReader & RoomRecordsReader
  readonly presence: PresenceNow
  readonly presenceVisibility: PresenceVisibility
}

/** `presence`: changes of users whom the user may see, and the presence of those newly met. */
export class PresencePart implements SyncPart {
  readonly empty = textOf('')
  readonly #nothing: PartAnswer = { text: this.empty, isNews: false }
  readonly #parts: PresencePartParts

  constructor(parts: PresencePartParts) {
    this.#parts = parts
  }

  look(window: SyncWindow): Soon<PartAnswer> {
    const { presence } = window.filter
    const isUnwanted = presence.nothing || !presence.type('m.presence')
    return isUnwanted || !mayTell(window) ? this.#nothing : this.#answer(window)
  }

  async #answer(window: SyncWindow): Promise<PartAnswer> {
    const { filter, ignored, viewer } = window
    const entries = await this.#entries(window)
    const isShown = ({ userId }: PresenceEntry): boolean => filter.presence.sender(userId) && !ignored.has(userId)
    // An unfiltered array may be shared by many readers, and its text with it.
    const shown = entries.every(isShown) ? entries : entries.filter(isShown)
    // One's own presence is told with other news, but does not end a long poll: the request itself may have changed it.
    const isNews = shown.some(({ userId }) => userId !== viewer.userId)
    return { text: textOf(presenceTexts(shown, 'sync')), isNews }
  }

  async #entries({ since, now, viewer, rooms, news, filter }: SyncWindow): Promise<readonly PresenceEntry[]> {
    const { reader, presence, presenceVisibility } = this.#parts
    if (since === undefined)
      return filter.state.lazyLoadMembers ? presenceVisibility.nearby(viewer) : presenceVisibility.everybody(viewer)
    const events = [...(news.events?.values() ?? [])].flat()
    const isJoined = (room: number): boolean => rooms.get(room)?.membership === 'join'
    // Offline users too: the client may remember an older presence of theirs.
    const met = presence.ofEach(await newlyMet({ userId: viewer.userId, events, isJoined }, reader))
    if (since.presence >= now.presence) return met
    const joined = joinedNumbers(rooms)
    const window = { after: since.presence, upTo: now.presence }
    const changed = await presenceVisibility.changed({ viewer, rooms: joined, lists: true, ...window })
    if (met.length === 0) return changed
    return [...new Map([...met, ...changed].map((entry) => [entry.userId, entry])).values()]
  }
}

/** False where nobody's presence changed, and nobody was met. */
const mayTell = ({ since, now, news: { events } }: SyncWindow): boolean => {
  if (since === undefined || since.presence < now.presence) return true
  for (const ofRoom of events?.values() ?? []) if (ofRoom.some(({ type }) => type === 'm.room.member')) return true
  return false
}

const textOf = (events: string): string => `"presence":{"events":[${events}]}`
