import type { Clock, TextPieces } from '#base'
import type { Membership, RoomId } from '#spec'
import type {
  EventsReader,
  RoomAccountDataEntry,
  RoomNumber,
  RoomRecordsReader,
  RoomStateReader,
  StoredEvent,
} from '#store'
import { formatPageToken, formatSyncToken, type Positions } from '#streams'
import { accountDataText } from '../events/account-data-text.ts'
import type { EventTexts } from '../events/event-texts.ts'
import { streamedEvents } from '../events/streamed-events.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { readPage } from '../history/timeline-page.ts'
import type { RoomVisibility } from '../known/room-visibility.ts'
import { statePages } from '../known/state-pages.ts'
import type { Visibility } from '../known/visibility.ts'

export interface RoomInfosParts {
  readonly clock: Clock
  readonly reader: EventsReader & RoomRecordsReader & RoomStateReader
  readonly visibility: Visibility
  readonly texts: EventTexts
}

export interface RoomInfoWant {
  readonly viewer: RoomViewer
  readonly room: RoomNumber
  readonly roomId: RoomId
  /** undefined for a reader without membership. */
  readonly membership: Membership | undefined
  /** Positions that the answer is as of. `upTo`: the last position in the room that is shown. */
  readonly now: Positions
  readonly upTo: number
  readonly limit: number | undefined
  readonly accountData: readonly RoomAccountDataEntry[]
}

const DEFAULT_MESSAGES = 10
const MAX_MESSAGES = 100

/** `RoomInfo` of both initial syncs: messages, state and the reader's account data; `more`: further members, each after a comma. */
export class RoomInfos {
  readonly #parts: RoomInfosParts

  constructor(parts: RoomInfosParts) {
    this.#parts = parts
  }

  /** Pieces of the text of a JSON object, made as they are sent. */
  async *pieces(want: RoomInfoWant, more = ''): TextPieces['rest'] {
    const { viewer, room, roomId, membership, accountData, upTo } = want
    const { reader, visibility: rule, texts, clock } = this.#parts
    const record = await reader.room(room)
    const visibility = await rule.inRoom(room, viewer)
    const members = [
      `{"room_id":${JSON.stringify(roomId)}`,
      ...(membership === undefined ? [] : [`"membership":"${membership}"`]),
      `"visibility":"${record?.published === true ? 'public' : 'private'}"`,
      `"messages":${await this.#messages(want, visibility)}`,
      `"account_data":[${accountData.map(accountDataText).join()}]`,
    ]
    yield `${members.join()},"state":[`
    const pages = statePages(reader, room, { at: upTo, members: true })
    yield* streamedEvents(pages, { viewer, form: 'old', visibility }, { texts, clock })
    yield `]${more}}`
  }

  /** `end` is meant for the event stream, `start` for `/messages` backward; both take either. */
  async #messages(want: RoomInfoWant, visibility: RoomVisibility): Promise<string> {
    const { viewer, room, now, upTo } = want
    const { reader, clock, texts } = this.#parts
    const limit = Math.min(want.limit ?? DEFAULT_MESSAGES, MAX_MESSAGES)
    const passes = (event: StoredEvent): boolean => visibility.mayShow(event)
    const read = (last: StoredEvent | undefined, size: number): Promise<readonly StoredEvent[]> =>
      reader.timeline(room, { before: last?.position ?? upTo + 1, direction: 'backward', limit: size })
    const learn = (events: readonly StoredEvent[]): Promise<void> => visibility.learn(events)
    const page = await readPage({ read, limit, learn, passes }, clock)
    const chunk = await texts.joined({ events: page.events.toReversed(), viewer, form: 'old', visibility })
    const start = page.last === undefined ? upTo : page.last.position - 1
    const end = formatSyncToken({ ...now, events: upTo })
    return `{"start":"${formatPageToken(start)}","end":"${end}","chunk":[${chunk}]}`
  }
}
