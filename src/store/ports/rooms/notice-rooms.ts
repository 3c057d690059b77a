import type { RoomId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from './events.ts'

/** The room in which the server speaks to a user. */
export interface NoticeRoom {
  readonly roomId: RoomId
  /** How many rooms for notices the user was given: they may leave one, and get another. */
  readonly made: number
}

export interface NoticeRoomsReader {
  noticeRoom(user: UserNumber): Promise<NoticeRoom | undefined>
}

export interface NoticeRoomsWriter {
  put(user: UserNumber, room: NoticeRoom): Change<void>
  remove(user: UserNumber): Change<void>
}
