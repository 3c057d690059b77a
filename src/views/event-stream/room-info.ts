import type { Clock } from '#base'
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
import type { RoomViewer } from '../events/viewer.ts'
import { readPage } from '../history/timeline-page.ts'
import type { RoomVisibility } from '../known/room-visibility.ts'
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

/** `RoomInfo` of both initial syncs: messages, state and the reader's account data. */
export class RoomInfos {
  readonly #parts: RoomInfosParts

  constructor(parts: RoomInfosParts) {
    this.#parts = parts
  }

  /** The members of a JSON object. */
  async text(want: RoomInfoWant): Promise<string> {
    const { viewer, room, roomId, membership, accountData, upTo } = want
    const { reader, visibility: rule, texts } = this.#parts
    const record = await reader.room(room)
    const events = await reader.state(room, { at: upTo })
    const visibility = await rule.inRoom(room, viewer)
    const members = [
      `"room_id":${JSON.stringify(roomId)}`,
      ...(membership === undefined ? [] : [`"membership":"${membership}"`]),
      `"visibility":"${record?.published === true ? 'public' : 'private'}"`,
      `"messages":${await this.#messages(want, visibility)}`,
      `"state":[${await texts.joined({ events, viewer, form: 'old', visibility })}]`,
      `"account_data":[${accountData.map(accountDataText).join()}]`,
    ]
    return members.join()
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
