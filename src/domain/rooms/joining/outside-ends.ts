import {
  isJsonObject,
  type JsonObject,
  objectAt,
  parseUserId,
  type RoomVersion,
  type ServerName,
  serverOf,
  stringAt,
  type UserId,
} from '#spec'
import type { MembersReader, RoomRecord, RoomRecordsReader, RoomStateReader } from '#store'
import { isChecked } from '../receiving/index.ts'
import type { PduChecks } from './neighbours.ts'
import type { OutsideRooms } from './outside-rooms.ts'

export interface OutsideEndsParts {
  readonly reader: RoomRecordsReader & MembersReader & RoomStateReader
  readonly outside: Pick<OutsideRooms, 'toldBy' | 'ended'>
  readonly checks: PduChecks
  readonly serverName: ServerName
}

/**
 * Takes the ends of invites and knocks in rooms that this server is not in: an invite that is taken back, a knock that is refused. Such an event comes in a
 * transaction, and counts only if it is from a server by which this one knows of the room.
 */
export class OutsideEnds {
  readonly #parts: OutsideEndsParts

  constructor(parts: OutsideEndsParts) {
    this.#parts = parts
  }

  /** Whether the PDU was one, and is taken. */
  async take(record: RoomRecord, version: RoomVersion, pdu: JsonObject, origin: ServerName): Promise<boolean> {
    const { reader, outside, checks } = this.#parts
    const end = this.#endIn(pdu)
    if (end === undefined) return false
    const { membership } = (await reader.membership(record.room, end.target)) ?? {}
    if (membership !== 'invite' && membership !== 'knock') return false
    const own = await reader.stateEvent(record.room, 'current', 'm.room.member', end.target)
    if (own === undefined) return false
    if (origin !== serverOf(own.sender) && origin !== (await outside.toldBy(own))) return false
    const [checked] = await checks.check(version, [pdu])
    if (checked === undefined || !isChecked(checked) || checked.event.roomId !== record.roomId) return false
    // One that ends an earlier invite may come after a newer one was made: it cites the membership that it ends.
    if (!checked.event.authEvents.includes(own.eventId)) return false
    await outside.ended(version, checked, { membership: end.membership, replaces: own.eventId })
    return true
  }

  #endIn(pdu: JsonObject): { readonly target: UserId; readonly membership: 'leave' | 'ban' } | undefined {
    const membership = isJsonObject(pdu.content) ? stringAt(objectAt(pdu, 'content') ?? {}, 'membership') : undefined
    const target = parseUserId(stringAt(pdu, 'state_key') ?? '')
    if (stringAt(pdu, 'type') !== 'm.room.member' || (membership !== 'leave' && membership !== 'ban')) return undefined
    if (target === undefined || serverOf(target) !== this.#parts.serverName) return undefined
    // Our own users end theirs by themselves.
    return stringAt(pdu, 'sender') === target ? undefined : { target, membership }
  }
}
