import type { JsonObject, UserId } from '#spec'
import type { MembersReader } from '#store'
import type { RoomFacts } from './room-facts.ts'

const MAX_HEROES = 5

export interface RoomSummary {
  readonly heroes: readonly UserId[]
  /** The section's JSON. */
  readonly json: JsonObject
}

/** The `summary` section: member counts, and heroes for rooms without a name (section "Syncing", `RoomSummary`). */
export const roomSummary = async (
  { record, isNamed }: RoomFacts,
  userId: UserId,
  reader: MembersReader,
): Promise<RoomSummary> => {
  const counts = {
    'm.joined_member_count': record.joinedCount,
    'm.invited_member_count': record.invitedCount,
  }
  if (isNamed) return { heroes: [], json: counts }
  const present = await reader.firstMembers(record.room, ['join', 'invite'], MAX_HEROES, userId)
  const members =
    present.length > 0 ? present : await reader.firstMembers(record.room, ['leave', 'ban'], MAX_HEROES, userId)
  const heroes = members.map((member) => member.userId)
  return { heroes, json: { 'm.heroes': heroes, ...counts } }
}
