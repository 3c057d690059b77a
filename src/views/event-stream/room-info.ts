import type { Clock } from '#base'
import type { Membership, RoomId } from '#spec'
import type { RoomAccountDataEntry, RoomNumber, RoomsReader, StoredEvent } from '#store'
import { formatPageToken, formatSyncToken, type Positions } from '#streams'
import { accountDataText } from '../events/account-data-text.ts'
import type { ClientEvents } from '../events/client-event.ts'
import { creatorsAmong } from '../events/creators.ts'
import { spliceTexts } from '../events/splice-texts.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { readPage } from '../history/timeline-page.ts'
import type { RoomVisibility, Visibility } from '../known/visibility.ts'

export interface RoomInfoParts {
  readonly clock: Clock
  readonly reader: RoomsReader
  readonly clientEvents: ClientEvents
  readonly visibility: Visibility
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
  readonly limit: number
  readonly accountData: readonly RoomAccountDataEntry[]
}

/** Messages where no limit is asked for. */
export const DEFAULT_MESSAGES = 10
const MAX_MESSAGES = 100

/** `RoomInfo` of both initial syncs: messages, state and the reader's account data. Returns the members of a JSON object. */
export const roomInfo = async (want: RoomInfoWant, parts: RoomInfoParts): Promise<string> => {
  const { viewer, room, roomId, membership, accountData } = want
  const record = await parts.reader.room(room)
  const state = await parts.reader.state(room, { at: want.upTo })
  const visibility = await parts.visibility.inRoom(room, viewer)
  const members = [
    `"room_id":${JSON.stringify(roomId)}`,
    ...(membership === undefined ? [] : [`"membership":"${membership}"`]),
    `"visibility":"${record?.published === true ? 'public' : 'private'}"`,
    `"messages":${await messages(want, visibility, parts)}`,
    `"state":[${await texts(state, viewer, visibility, parts)}]`,
    `"account_data":[${accountData.map(accountDataText).join()}]`,
  ]
  return members.join()
}

/** `end` is meant for the event stream, `start` for `/messages` backward; both take either. */
const messages = async (want: RoomInfoWant, visibility: RoomVisibility, parts: RoomInfoParts): Promise<string> => {
  const { viewer, room, now, upTo } = want
  const limit = Math.min(want.limit, MAX_MESSAGES)
  const passes = (event: StoredEvent): boolean => visibility.mayShow(event)
  const page = await readPage(
    { room, direction: 'backward', after: undefined, before: upTo + 1, limit, passes },
    parts.reader,
    parts.clock,
  )
  const chunk = await texts(page.events.toReversed(), viewer, visibility, parts)
  const start = page.last === undefined ? upTo : page.last - 1
  const end = formatSyncToken({ ...now, events: upTo })
  return `{"start":"${formatPageToken(start)}","end":"${end}","chunk":[${chunk}]}`
}

const texts = async (
  events: readonly StoredEvent[],
  { device }: RoomViewer,
  visibility: RoomVisibility,
  { reader, clientEvents, clock }: RoomInfoParts,
): Promise<string> => {
  const eventReader = { device, nowMs: clock.nowMs(), creators: await creatorsAmong(events, reader) }
  const textOf = (event: StoredEvent): string =>
    clientEvents.text(event, { ...eventReader, hidesPrevious: visibility.hidesPrevious(event) }, 'old')
  return spliceTexts(events, textOf, clock)
}
