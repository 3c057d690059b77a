import type { TextPieces } from '#base'
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

  /** Pieces of the room's JSON text, made as they are sent; none for a room that is not told. */
  async *pieces(
    want: InitialRoomWant,
    record: MembershipRecord,
    { membership, position }: MembershipThen,
    accountData: readonly RoomAccountDataEntry[],
  ): TextPieces['rest'] {
    const { viewer, now, limit } = want
    const { room, roomId } = record
    const { infos, invites } = this.#parts
    const info = { viewer, room, roomId, membership, now, limit, accountData }
    switch (membership) {
      case 'join':
        yield* infos.pieces({ ...info, upTo: now.events })
        return
      case 'invite': {
        const invite = await invites.invite(record, position, viewer)
        if (invite !== undefined) yield invite
        return
      }
      case 'knock':
        // Clients of this endpoint do not know this membership.
        return
      case 'leave':
      case 'ban': {
        if (!want.archived || record.forgotten) return
        const leftAt = (await this.#parts.reader.lastStay(room, viewer.userId, position))?.ended
        if (leftAt !== undefined) yield* infos.pieces({ ...info, upTo: leftAt })
      }
    }
  }
}
