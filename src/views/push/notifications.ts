import type { PushOutcome } from '#rules'
import { MatrixError } from '#spec'
import type { EventsReader, MembershipRecord, ReceiptsReader, RoomNumber, RoomStateReader, StoredEvent } from '#store'
import type { ClientEvents } from '../events/client-event.ts'
import type { EventTexts } from '../events/event-texts.ts'
import type { RoomViewer } from '../events/viewer.ts'
import type { InvitesShown } from '../known/invites-shown.ts'
import type { UserRooms } from '../known/user-rooms.ts'
import type { IgnoredUsers } from '../known/visibility.ts'
import type { PushVerdicts } from './push-verdicts.ts'
import { isRead, isTold } from './told.ts'

export interface NotificationsRequest {
  readonly from: string | undefined
  readonly limit: number | undefined
  readonly highlightsOnly: boolean
}

export interface NotificationsParts {
  readonly reader: EventsReader & RoomStateReader
  readonly receipts: ReceiptsReader
  readonly clientEvents: ClientEvents
  readonly texts: EventTexts
  readonly userRooms: UserRooms
  readonly verdicts: PushVerdicts
  readonly ignored: IgnoredUsers
  readonly invites: InvitesShown
}

interface Found {
  readonly event: StoredEvent
  readonly outcome: PushOutcome
}

const MAX_NOTIFICATIONS = 50
const DEFAULT_NOTIFICATIONS = 20
/** Events that one read looks through, and reads of one request. A page with few notifications in many events ends early. */
const EVENTS_AT_ONCE = 100
const MAX_READS = 5

const TOKEN = /^n(\d{1,15})$/

/**
 * The events that notified a user or would have, newest first (`GET /notifications`), by the push rules of now. The work for a page is bounded: it may hold
 * fewer than asked for, or none, and still say where to go on.
 */
export class Notifications {
  readonly #parts: NotificationsParts

  constructor(parts: NotificationsParts) {
    this.#parts = parts
  }

  /** The answer as JSON text. Throws `M_INVALID_PARAM` for what is no token. */
  async page({ from, limit, highlightsOnly }: NotificationsRequest, viewer: RoomViewer): Promise<string> {
    const [, place] = from === undefined ? ['', `${Number.MAX_SAFE_INTEGER}`] : (TOKEN.exec(from) ?? [])
    if (place === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a token of notifications')
    const most = Math.min(limit ?? DEFAULT_NOTIFICATIONS, MAX_NOTIFICATIONS)
    const found: Found[] = []
    let before: number | undefined = from === undefined ? Number.MAX_SAFE_INTEGER : Number(place)
    for (let reads = 0; reads < MAX_READS && before !== undefined && found.length < most; reads += 1) {
      const events: readonly StoredEvent[] = await this.#parts.reader.inRoomsOf(viewer.user, before, EVENTS_AT_ONCE)
      before = events.length < EVENTS_AT_ONCE ? undefined : events.at(-1)?.position
      for (const [index, event] of events.entries()) {
        const outcome = await this.#outcome(viewer, event)
        if (outcome?.notify !== true || (highlightsOnly && !outcome.highlight)) continue
        found.push({ event, outcome })
        if (found.length < most) continue
        if (index + 1 < events.length || before !== undefined) before = event.position
        break
      }
    }
    const texts = await this.#texts(found, viewer)
    return `{"notifications":[${texts.join()}]${before === undefined ? '' : `,"next_token":"n${before}"`}}`
  }

  async #outcome(viewer: RoomViewer, event: StoredEvent): Promise<PushOutcome | undefined> {
    const { userRooms, ignored, invites, verdicts, reader } = this.#parts
    if (event.sender === viewer.userId || event.redactedBy !== undefined) return undefined
    const record: MembershipRecord | undefined = (await userRooms.of(viewer)).get(event.room)
    if (record === undefined || (await ignored.ignoredBy(viewer.user)).has(event.sender)) return undefined
    const user = { userId: viewer.userId, user: viewer.user }
    return (await isTold(user, record, event, { reader, invites })) ? verdicts.of(user, record, event) : undefined
  }

  async #texts(found: readonly Found[], viewer: RoomViewer): Promise<readonly string[]> {
    const { texts, receipts, clientEvents, reader } = this.#parts
    const events = found.map(({ event }) => event)
    const rooms: readonly RoomNumber[] = [...new Set(events.map(({ room }) => room))]
    const read = rooms.length === 0 ? [] : await receipts.ofUser(viewer.user, rooms)
    const shown = await texts.each({ events, viewer, form: 'in-room' })
    const answers: string[] = []
    for (const [index, { event, outcome }] of found.entries()) {
      const inRoom = read.filter(({ room }) => room === event.room)
      const about = {
        actions: outcome.actions,
        read: await isRead(event, clientEvents.content(event), inRoom, reader),
        room_id: event.roomId,
        ts: event.originServerTs,
      }
      answers.push(`${JSON.stringify(about).slice(0, -1)},"event":${shown[index]}}`)
    }
    return answers
  }
}
