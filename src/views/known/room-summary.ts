import { type JsonObject, type Pdu, stringAt, type UserId } from '#spec'
import type { MembersReader, RoomNumber, RoomRecord, RoomStateReader } from '#store'

const MAX_HEROES = 5

export interface RoomSummary {
  readonly heroes: readonly UserId[]
  /** The section's JSON. */
  readonly json: JsonObject
}

/** The `summary` section: member counts, and heroes for rooms without a name (section "Syncing", `RoomSummary`). */
export const roomSummary = async (
  record: RoomRecord,
  userId: UserId,
  reader: MembersReader & RoomStateReader,
): Promise<RoomSummary> => {
  const counts = {
    'm.joined_member_count': record.joinedCount,
    'm.invited_member_count': record.invitedCount,
  }
  if (await isNamed(record.room, reader)) return { heroes: [], json: counts }
  const present = await reader.firstMembers(record.room, ['join', 'invite'], MAX_HEROES, userId)
  const members =
    present.length > 0 ? present : await reader.firstMembers(record.room, ['leave', 'ban'], MAX_HEROES, userId)
  const heroes = members.map((member) => member.userId)
  return { heroes, json: { 'm.heroes': heroes, ...counts } }
}

const isNamed = async (room: RoomNumber, reader: MembersReader & RoomStateReader): Promise<boolean> => {
  for (const [type, key] of [
    ['m.room.name', 'name'],
    ['m.room.canonical_alias', 'alias'],
  ] as const) {
    const event = await reader.stateEvent(room, 'current', type, '')
    if (event === undefined) continue
    const text = stringAt((JSON.parse(event.json) as Pdu).content, key)
    if (text !== undefined && text !== '') return true
  }
  return false
}
