import type { Clock } from '#base'
import type { Membership, RoomId } from '#spec'
import type { RoomAccountDataEntry, RoomNumber, RoomsReader, StoredEvent } from '#store'
import { formatPageToken, formatSyncToken, type Positions } from '#streams'
import type { ClientEvents } from '../client-event.ts'
import { spliceTexts } from '../splice-texts.ts'
import { accountDataText } from '../sync/room-sections.ts'
import { readPage } from '../timeline-page.ts'
import type { RoomViewer } from '../timeline-request.ts'
import type { RoomEyes, Visibility } from '../visibility.ts'
import { creatorsAmong } from './creators.ts'

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
  /** undefined for who only looks in. */
  readonly membership: Membership | undefined
  /** The streams as the answer is of; `upTo` the last position in the room that is shown. */
  readonly now: Positions
  readonly upTo: number
  readonly limit: number
  readonly accountData: readonly RoomAccountDataEntry[]
}

/** Where no limit is asked for, and at most. */
export const DEFAULT_MESSAGES = 10
const MAX_MESSAGES = 100

/** `RoomInfo` of both initial syncs: messages, state and what is the reader's own. Answers the members of a JSON object. */
export const roomInfo = async (want: RoomInfoWant, parts: RoomInfoParts): Promise<string> => {
  const { viewer, room, roomId, membership, accountData } = want
  const record = await parts.reader.room(room)
  const state = await parts.reader.state(room, { at: want.upTo })
  const eyes = await parts.visibility.eyes(room, viewer)
  const members = [
    `"room_id":${JSON.stringify(roomId)}`,
    ...(membership === undefined ? [] : [`"membership":"${membership}"`]),
    `"visibility":"${record?.published === true ? 'public' : 'private'}"`,
    `"messages":${await messages(want, eyes, parts)}`,
    `"state":[${await texts(state, viewer, eyes, parts)}]`,
    `"account_data":[${accountData.map(accountDataText).join()}]`,
  ]
  return members.join()
}

/** `end` is for the event stream, `start` for `/messages`, backward; either takes both. */
const messages = async (want: RoomInfoWant, eyes: RoomEyes, parts: RoomInfoParts): Promise<string> => {
  const { viewer, room, now, upTo } = want
  const limit = Math.min(want.limit, MAX_MESSAGES)
  const passes = (event: StoredEvent): boolean => eyes.mayShow(event)
  const page = await readPage(
    { room, direction: 'backward', after: undefined, before: upTo + 1, limit, passes },
    parts.reader,
    parts.clock,
  )
  const chunk = await texts(page.events.toReversed(), viewer, eyes, parts)
  const start = page.last === undefined ? upTo : page.last - 1
  const end = formatSyncToken({ ...now, events: upTo })
  return `{"start":"${formatPageToken(start)}","end":"${end}","chunk":[${chunk}]}`
}

const texts = async (
  events: readonly StoredEvent[],
  { device }: RoomViewer,
  eyes: RoomEyes,
  { reader, clientEvents, clock }: RoomInfoParts,
): Promise<string> => {
  const eventReader = { device, nowMs: clock.nowMs(), creators: await creatorsAmong(events, reader) }
  const textOf = (event: StoredEvent): string =>
    clientEvents.text(event, { ...eventReader, hidesPrevious: eyes.hidesPrevious(event) }, 'old')
  return spliceTexts(events, textOf, clock)
}
