import { yieldToEventLoop } from '#base'
import type { Membership, RoomId } from '#spec'
import type { AccountDataReader, MembershipRecord, ReceiptsReader, RoomAccountDataEntry, RoomNumber } from '#store'
import { formatSyncToken, type Positions, type Streams } from '#streams'
import type { RoomViewer } from '../events/viewer.ts'
import type { UserRooms } from '../known/user-rooms.ts'
import { endOfStay, type IgnoredUsers } from '../known/visibility.ts'
import type { PresenceNow } from '../presence/presence-now.ts'
import type { PresenceProfiles } from '../presence/presence-profiles.ts'
import type { PresenceVisibility } from '../presence/presence-visibility.ts'
import { InviteTexts } from './invites.ts'
import { DEFAULT_MESSAGES, type RoomInfoParts, roomInfo } from './room-info.ts'
import { accountDataItem, receiptItems } from './stream-items.ts'

export interface InitialSyncParts extends RoomInfoParts {
  readonly streams: Streams
  readonly userRooms: UserRooms
  readonly accountData: AccountDataReader
  readonly receipts: ReceiptsReader
  readonly presence: PresenceNow
  readonly presenceVisibility: PresenceVisibility
  readonly ignored: IgnoredUsers
  readonly presenceProfiles: PresenceProfiles
}

export interface InitialSyncRequest {
  readonly viewer: RoomViewer
  /** Messages of each room. */
  readonly limit: number | undefined
  /** Whether rooms that the viewer left are included. */
  readonly archived: boolean
}

interface MembershipThen {
  readonly membership: Membership
  readonly position: number
}

/** In rooms with more members, offline members are left out of the presence. */
const MAX_TOLD_OFFLINE = 500
/** Rooms answered in one slice of the event loop. */
const ROOMS_A_SLICE = 5

/** `GET /initialSync` and `GET /rooms/{roomId}/initialSync`: everything as of one moment. `GET /events` goes on from its token. */
export class InitialSync {
  readonly #parts: InitialSyncParts
  readonly #invites: InviteTexts

  constructor(parts: InitialSyncParts) {
    this.#parts = parts
    this.#invites = new InviteTexts(parts)
  }

  /** The answer's JSON text. */
  async everything({ viewer, limit, archived }: InitialSyncRequest): Promise<string> {
    const {
      streams,
      userRooms,
      accountData,
      presenceVisibility,
      presenceProfiles,
      receipts,
      ignored: people,
      clock,
    } = this.#parts
    const now = streams.positions()
    const records = await userRooms.of(viewer)
    const ignored = await people.ignoredBy(viewer.user)
    const privateData = Map.groupBy(await accountData.allInRooms(viewer.user), ({ room }) => room)
    const rooms: string[] = []
    const joined: RoomNumber[] = []
    let count = 0
    for (const record of records.values()) {
      const then = await this.#membershipThen(record, viewer, now)
      if (then === undefined) continue
      if (then.membership === 'join') joined.push(record.room)
      const want = { viewer, limit: limit ?? DEFAULT_MESSAGES, archived, now, ignored }
      const text = await this.#room(want, record, then, privateData.get(record.room) ?? [])
      if (text !== undefined) rooms.push(`{${text}}`)
      if (++count % ROOMS_A_SLICE === 0) await yieldToEventLoop(clock)
    }
    const present = (await presenceVisibility.everybody(viewer)).filter(({ userId }) => !ignored.has(userId))
    const presence = await presenceProfiles.texts(present, viewer.form === 'old')
    const read = joined.length === 0 ? [] : await receipts.inRooms(joined, viewer.userId)
    const shownReceipts = read.filter(({ userId }) => !ignored.has(userId))
    const data = await accountData.allGlobal(viewer.user)
    return (
      `{"end":"${formatSyncToken(now)}","rooms":[${rooms.join()}],"presence":[${presence}],` +
      `"receipts":[${receiptItems(shownReceipts, (room) => records.get(room)?.roomId).join()}],` +
      `"account_data":[${data.map(accountDataItem).join()}]}`
    )
  }

  /** One room: for former members up to where they left, for anybody where it is `world_readable`. Throws `M_FORBIDDEN`. */
  async ofRoom(roomId: RoomId, limit: number | undefined, viewer: RoomViewer): Promise<string> {
    const {
      streams,
      visibility,
      reader,
      accountData,
      presence,
      presenceProfiles,
      receipts,
      ignored: people,
    } = this.#parts
    const now = streams.positions()
    const { record, membership, upTo } = await visibility.access(roomId, viewer.userId)
    const { room } = record
    const info = await roomInfo(
      {
        viewer,
        room,
        roomId,
        membership,
        now,
        upTo: upTo === undefined ? now.events : Math.min(upTo, now.events),
        limit: limit ?? DEFAULT_MESSAGES,
        accountData: await accountData.allInRooms(viewer.user, [room]),
      },
      this.#parts,
    )
    // Former members are not told the presence of those who stayed.
    if (upTo !== undefined) return `{${info},"presence":[],"receipts":[]}`
    const ignored = await people.ignoredBy(viewer.user)
    const members = (await reader.members(room, ['join'])).map(({ userId }) => userId)
    const about = new Map(presence.ofUsers(members).map((entry) => [entry.userId, entry]))
    // Small rooms list offline members too.
    const listed = members.length <= MAX_TOLD_OFFLINE ? members : [...about.keys()]
    const present = listed
      .filter((userId) => !ignored.has(userId))
      .map((userId) => about.get(userId) ?? { userId, content: { presence: 'offline' } })
    const read = (await receipts.inRooms([room], viewer.userId)).filter(({ userId }) => !ignored.has(userId))
    return `{${info},"presence":[${await presenceProfiles.texts(present, viewer.form === 'old')}],"receipts":[${receiptItems(read, () => roomId).join()}]}`
  }

  /** The membership at the moment of the answer; undefined where there was none yet. */
  async #membershipThen(
    record: MembershipRecord,
    viewer: RoomViewer,
    now: Positions,
  ): Promise<MembershipThen | undefined> {
    if (record.position <= now.events) return record
    const history = await this.#parts.reader.membershipHistory(record.room, viewer.userId)
    return history.findLast(({ position }) => position <= now.events)
  }

  async #room(
    want: Pick<InitialSyncRequest, 'viewer' | 'archived'> & {
      readonly now: Positions
      readonly limit: number
      readonly ignored: ReadonlySet<string>
    },
    record: MembershipRecord,
    { membership, position }: MembershipThen,
    accountData: readonly RoomAccountDataEntry[],
  ): Promise<string | undefined> {
    const { viewer, now, limit } = want
    const { room, roomId } = record
    const info = { viewer, room, roomId, membership, now, limit, accountData }
    switch (membership) {
      case 'join':
        return roomInfo({ ...info, upTo: now.events }, this.#parts)
      case 'invite':
        return this.#invited(record, position, viewer, want.ignored)
      case 'knock':
        // Clients of this endpoint do not know this membership.
        return undefined
      case 'leave':
      case 'ban': {
        if (!want.archived || record.forgotten) return undefined
        const history = await this.#parts.reader.membershipHistory(room, viewer.userId)
        const leftAt = endOfStay(history.filter((step) => step.position <= position))
        return leftAt === undefined ? undefined : roomInfo({ ...info, upTo: leftAt }, this.#parts)
      }
    }
  }

  async #invited(
    { room, roomId }: MembershipRecord,
    position: number,
    { userId, device }: RoomViewer,
    ignored: ReadonlySet<string>,
  ): Promise<string | undefined> {
    const { reader, clientEvents, clock } = this.#parts
    const invite = await reader.stateEvent(room, position, 'm.room.member', userId)
    if (invite === undefined || ignored.has(invite.sender)) return undefined
    const text = clientEvents.text(invite, { device, nowMs: clock.nowMs() }, 'old')
    return [
      `"room_id":${JSON.stringify(roomId)},"membership":"invite","inviter":${JSON.stringify(invite.sender)}`,
      `"invite":${await this.#invites.completed(text, invite, userId)}`,
    ].join()
  }
}
