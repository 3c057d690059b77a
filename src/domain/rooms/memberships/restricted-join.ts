import { creatorsOf, powerLevelsOf } from '#rules'
import { isJsonObject, MatrixError, objectAt, parseRoomId, type ServerName, serverOf, type UserId } from '#spec'
import type { MembersReader, RoomRecordsReader, RoomServersReader } from '#store'
import type { RoomTurn } from '../turns/turn.ts'

/** Limits on the entries of `allow` and on the possible vouchers that are looked at. */
const MAX_ALLOWED_ROOMS = 100
const MAX_VOUCHERS = 100

export interface RestrictedJoinParts {
  readonly reader: MembersReader & RoomRecordsReader & Pick<RoomServersReader, 'isServerIn'>
  readonly serverName: ServerName
}

/**
 * Finds the voucher for a join to a room whose join rule is `restricted` or `knock_restricted` (section "Restricted rooms"): a local member
 * who may invite. undefined: the join rule is another one. Throws `M_FORBIDDEN` if the user is in none of the allowed rooms,
 * `M_UNABLE_TO_AUTHORISE_JOIN` for a user of another server if only servers in other rooms could tell, `M_UNABLE_TO_GRANT_JOIN` if no local
 * member can vouch.
 */
export const authoriseRestrictedJoin = async (
  turn: RoomTurn,
  userId: UserId,
  parts: RestrictedJoinParts,
): Promise<UserId | undefined> => {
  const rules = await turn.state('m.room.join_rules')
  const rule = rules?.content.join_rule
  const restricted =
    (rule === 'restricted' && turn.version.auth.restrictedJoins) ||
    (rule === 'knock_restricted' && turn.version.auth.knockRestrictedJoins)
  if (rules === undefined || !restricted) return undefined
  const found = await findInAllowedRooms(rules.content.allow, userId, parts)
  if (found === 'unknown' && serverOf(userId) !== parts.serverName)
    throw new MatrixError('M_UNABLE_TO_AUTHORISE_JOIN', 'This server is not in the rooms whose members may join')
  if (found !== 'member') throw new MatrixError('M_FORBIDDEN', 'You are not in any of the rooms whose members may join')
  const voucher = await findVoucher(turn, userId, parts)
  if (voucher === undefined) throw new MatrixError('M_UNABLE_TO_GRANT_JOIN', 'No member of this server can let you in')
  return voucher
}

/** `unknown`: the user is in none of those that this server is in, and it is not in all of them. */
const findInAllowedRooms = async (
  allow: unknown,
  userId: UserId,
  { reader, serverName }: RestrictedJoinParts,
): Promise<'member' | 'stranger' | 'unknown'> => {
  if (!Array.isArray(allow)) return 'stranger'
  let knowsAll = true
  for (const condition of allow.slice(0, MAX_ALLOWED_ROOMS)) {
    if (!isJsonObject(condition) || condition.type !== 'm.room_membership') continue
    const roomId = typeof condition.room_id === 'string' ? parseRoomId(condition.room_id) : undefined
    if (roomId === undefined) continue
    const record = await reader.roomByRoomId(roomId)
    if (record === undefined || !(await reader.isServerIn(record.room, serverName))) knowsAll = false
    else if ((await reader.membership(record.room, userId))?.membership === 'join') return 'member'
  }
  return knowsAll ? 'stranger' : 'unknown'
}

const findVoucher = async (
  turn: RoomTurn,
  userId: UserId,
  { reader, serverName }: RestrictedJoinParts,
): Promise<UserId | undefined> => {
  const create = await turn.state('m.room.create')
  if (create === undefined) return undefined
  const powerLevels = await turn.state('m.room.power_levels')
  const levels = powerLevelsOf(turn.version, create, powerLevels)
  const named = [
    ...creatorsOf(turn.version, create),
    ...Object.keys(objectAt(powerLevels?.content ?? {}, 'users') ?? {}),
  ] as UserId[]
  const anyone =
    levels.usersDefault >= levels.invite
      ? await reader.firstMembers(turn.live.room, ['join'], MAX_VOUCHERS, userId)
      : []
  for (const candidate of [...named.slice(0, MAX_VOUCHERS), ...anyone.map((member) => member.userId)]) {
    if (!candidate.includes(':') || serverOf(candidate) !== serverName || levels.ofUser(candidate) < levels.invite)
      continue
    if ((await turn.membership(candidate)) === 'join') return candidate
  }
  return undefined
}
