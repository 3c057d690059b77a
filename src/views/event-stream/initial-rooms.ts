import type { Membership, UserId } from '#spec'
import type { MembershipRecord, RoomAccountDataEntry, RoomStateReader } from '#store'
import type { Positions } from '#streams'
import type { RoomViewer } from '../events/viewer.ts'
import type { InviteTexts } from './invites.ts'
import type { RoomInfos } from './room-info.ts'

export interface InitialRoomsParts {
  readonly reader: RoomStateReader
  readonly infos: RoomInfos
  readonly invites: InviteTexts
}

export interface InitialRoomWant {
  readonly viewer: RoomViewer
  /** Messages of each room. */
  readonly limit: number | undefined
  /** Whether rooms that the viewer left are included. */
  readonly archived: boolean
  readonly now: Positions
  readonly ignored: ReadonlySet<UserId>
}

/** A membership at the moment of the answer. */
interface MembershipThen {
  readonly membership: Membership
  readonly position: number
}

/** Rooms of `GET /initialSync`. */
export class InitialRooms {
  readonly #parts: InitialRoomsParts

  constructor(parts: InitialRoomsParts) {
    this.#parts = parts
  }

  /** The membership at the moment of the answer; undefined where there was none yet. */
  async membershipThen(
    record: MembershipRecord,
    { viewer, now }: Pick<InitialRoomWant, 'viewer' | 'now'>,
  ): Promise<MembershipThen | undefined> {
    if (record.position <= now.events) return record
    return this.#parts.reader.membershipAt(record.room, viewer.userId, now.events)
  }

  /** The room's JSON text; undefined for a room that is not told. */
  async text(
    want: InitialRoomWant,
    record: MembershipRecord,
    { membership, position }: MembershipThen,
    accountData: readonly RoomAccountDataEntry[],
  ): Promise<string | undefined> {
    const { viewer, now, limit, ignored } = want
    const { room, roomId } = record
    const { infos, invites } = this.#parts
    const info = { viewer, room, roomId, membership, now, limit, accountData }
    switch (membership) {
      case 'join':
        return `{${await infos.text({ ...info, upTo: now.events })}}`
      case 'invite':
        return invites.invite(record, position, viewer, ignored)
      case 'knock':
        // Clients of this endpoint do not know this membership.
        return undefined
      case 'leave':
      case 'ban': {
        if (!want.archived || record.forgotten) return undefined
        const leftAt = (await this.#parts.reader.lastStay(room, viewer.userId, position))?.ended
        return leftAt === undefined ? undefined : `{${await infos.text({ ...info, upTo: leftAt })}}`
      }
    }
  }
}
