import { type EventId, MatrixError, type RoomId, type UserId } from '#spec'
import type {
  AccountDataWriter,
  AccountRecord,
  Commit,
  MembersReader,
  NoticeRoom,
  NoticeRoomsReader,
  NoticeRoomsWriter,
  ProfilesWriter,
  RoomRecordsReader,
  Turns,
} from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { Draft, RoomCreation, Sending } from '../../rooms/index.ts'

/** The local part of the user who speaks for the server. Nobody can register it. */
export const NOTICES_LOCALPART = 'server-notices'
const NAME = 'Server Notices'

export interface SendNoticeParts {
  /** The user who speaks for the server. */
  readonly speaker: UserId
  readonly accounts: Accounts
  readonly creation: Pick<RoomCreation, 'create'>
  readonly sending: Pick<Sending, 'message' | 'state'>
  readonly reader: NoticeRoomsReader & Pick<RoomRecordsReader, 'roomByRoomId'> & Pick<MembersReader, 'membership'>
  readonly writers: {
    readonly noticeRooms: NoticeRoomsWriter
    readonly accountData: AccountDataWriter
    readonly profiles: ProfilesWriter
  }
  /** One notice at a time for each user, so that each has one room. */
  readonly turns: Turns
  readonly commit: Commit
}

export interface SentNotice {
  readonly userId: UserId
  readonly eventId: EventId
}

/** An event that the server sends to a user. */
export type Notice = Pick<Draft, 'type' | 'content' | 'stateKey' | 'transaction'>

/** Module "Server Notices": the server speaks to each user in one room, to which it invites them. */
export class SendNotice {
  readonly #parts: SendNoticeParts

  constructor(parts: SendNoticeParts) {
    this.#parts = parts
  }

  /** Throws `M_NOT_FOUND` for a user of whom there is no account, `M_USER_DEACTIVATED`, and `M_USER_IN_USE` where somebody has the server's name. */
  run(user: string, text: string): Promise<SentNotice> {
    // `m.server_notice`, the type of message that the module has, is for limits of usage alone.
    return this.send(user, { type: 'm.room.message', content: { msgtype: 'm.text', body: text } })
  }

  /** The same with any event. Throws what `run` throws, and what the sending of such an event throws. */
  async send(user: string, notice: Notice): Promise<SentNotice> {
    const { accounts, sending, speaker, turns } = this.#parts
    const account = (await accounts.resolve({ kind: 'user', user }))?.account
    if (account === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
    if (account.deactivatedAtMs !== undefined)
      throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    if ((await accounts.account(speaker)) !== undefined)
      throw new MatrixError('M_USER_IN_USE', `Somebody has the name ${speaker}, by which the server speaks`)
    return turns.run(account.userId, async () => {
      const roomId = await this.#room(account)
      const draft = { ...notice, sender: speaker }
      const eventId =
        draft.stateKey === undefined
          ? await sending.message(roomId, draft)
          : await sending.state(roomId, { ...draft, stateKey: draft.stateKey })
      return { userId: account.userId, eventId }
    })
  }

  /** The user's room for notices; a new one for somebody who has none, or left the last. */
  async #room(account: AccountRecord): Promise<RoomId> {
    const { reader } = this.#parts
    const known = await reader.noticeRoom(account.user)
    if (known !== undefined) {
      const room = (await reader.roomByRoomId(known.roomId))?.room
      const member = room === undefined ? undefined : await reader.membership(room, account.userId)
      if (member?.membership === 'join' || member?.membership === 'invite') return known.roomId
    }
    return this.#newRoom(account, known)
  }

  async #newRoom({ user, userId }: AccountRecord, before: NoticeRoom | undefined): Promise<RoomId> {
    const { speaker, creation, reader, writers, commit } = this.#parts
    const { noticeRooms, accountData, profiles } = writers
    await commit([profiles.setFieldOf(speaker, 'displayname', JSON.stringify(NAME))])
    const made = (before?.made ?? 0) + 1
    const { roomId } = await creation.create({
      ...{ creator: speaker, visibility: 'private', preset: 'private_chat', name: NAME, invite: [userId] },
      ...{ initialState: [], creationContent: {}, isDirect: false, aliasTold: false },
      // Only the server speaks here.
      powerLevelOverride: { users_default: -10 },
      // After a crash before the next commit the same room is found again, and no second one made. No device has such a number.
      transaction: { device: -user, scope: 'notices', id: String(made) },
    })
    const room = (await reader.roomByRoomId(roomId))?.room
    const tag = JSON.stringify({ tags: { 'm.server_notice': {} } })
    await commit([
      noticeRooms.put(user, { roomId, made }),
      ...(room === undefined ? [] : [accountData.put({ user, room, type: 'm.tag', contentJson: tag })]),
    ])
    return roomId
  }
}
