import Type, { type Static } from 'typebox'
import type { RoomId } from '#spec'
import { AnyObject, roomIdOf } from '../own-user.ts'
import { plainText } from '../room-path.ts'

const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** `definitions/key_backup_data.yaml`. */
export const KeyBackupData = Type.Object({
  first_message_index: Count,
  forwarded_count: Count,
  is_verified: Type.Boolean(),
  session_data: AnyObject,
})
type KeyBackupData = Static<typeof KeyBackupData>

/** A key of a room's session, with `session_data` as JSON text. */
export interface BackedUp {
  readonly roomId: RoomId
  readonly sessionId: string
  readonly firstMessageIndex: number
  readonly forwardedCount: number
  readonly isVerified: boolean
  readonly sessionJson: string
}

export const sessionOf = (roomId: RoomId, sessionId: string, data: KeyBackupData): BackedUp => ({
  roomId,
  sessionId,
  firstMessageIndex: data.first_message_index,
  forwardedCount: data.forwarded_count,
  isVerified: data.is_verified,
  sessionJson: JSON.stringify(data.session_data),
})

type Rooms = Readonly<Record<string, { readonly sessions: Readonly<Record<string, KeyBackupData>> }>>

/** Every session of a body, its text made only when it is taken: there may be ten thousand. Throws `M_INVALID_PARAM` at once. */
export const sessionsByRoom = (rooms: Rooms): Iterable<BackedUp> => {
  for (const [roomId, { sessions }] of Object.entries(rooms)) {
    roomIdOf(roomId)
    for (const sessionId of Object.keys(sessions)) plainText(sessionId)
  }
  return eachSession(rooms)
}

function* eachSession(rooms: Rooms): Generator<BackedUp> {
  for (const [roomId, { sessions }] of Object.entries(rooms))
    for (const [sessionId, data] of Object.entries(sessions)) yield sessionOf(roomId as RoomId, sessionId, data)
}

export const sessionText = (session: BackedUp): string =>
  `{"first_message_index":${session.firstMessageIndex},"forwarded_count":${session.forwardedCount},` +
  `"is_verified":${session.isVerified},"session_data":${session.sessionJson}}`

const memberText = (session: BackedUp): string => `${JSON.stringify(session.sessionId)}:${sessionText(session)}`

type Pieces = AsyncIterable<readonly BackedUp[]>

/** `{"sessions":…}` of pieces of one room. */
export async function* textOfRoom(pieces: Pieces): AsyncGenerator<string, void, undefined> {
  yield '{"sessions":{'
  let isFirst = true
  for await (const piece of pieces) {
    if (piece.length === 0) continue
    yield `${isFirst ? '' : ','}${piece.map(memberText).join()}`
    isFirst = false
  }
  yield '}}'
}

/** `{"rooms":…}` of pieces that are in the order of rooms. */
export async function* textOfRooms(pieces: Pieces): AsyncGenerator<string, void, undefined> {
  let room: RoomId | undefined
  let opening = '{"rooms":{'
  for await (const piece of pieces) {
    const texts = [opening]
    for (const session of piece) {
      if (session.roomId === room) texts.push(',')
      else texts.push(`${room === undefined ? '' : '}},'}${JSON.stringify(session.roomId)}:{"sessions":{`)
      texts.push(memberText(session))
      room = session.roomId
    }
    yield texts.join('')
    opening = ''
  }
  yield room === undefined ? '}}' : '}}}}'
}
