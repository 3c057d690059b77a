import type { RoomVersion } from '#spec'
import { parseUserId, stringAt } from '#spec'
import type { AuthContext } from './context.ts'
import { levelsOf, membershipOf } from './context.ts'
import { creatorsOf } from './creators.ts'
import type { AuthVerdict } from './refusal.ts'
import { ALLOWED, refuse } from './refusal.ts'
import { authoriseThirdPartyInvite } from './third-party-invite.ts'

/**
 * The rule of `m.room.member`. The signature that goes with `join_authorised_via_users_server` is not looked at here: see
 * `authorisingServer`.
 */
export const authoriseMember = (context: AuthContext): AuthVerdict => {
  const { version, event } = context
  const membership = stringAt(event.content, 'membership')
  if (event.stateKey === undefined || membership === undefined) return refuse({ reason: 'member-malformed' })
  if (version.auth.restrictedJoins && Object.hasOwn(event.content, 'join_authorised_via_users_server')) {
    const authoriser = stringAt(event.content, 'join_authorised_via_users_server')
    if (authoriser === undefined || parseUserId(authoriser) === undefined)
      return refuse({ reason: 'authorising-user-malformed' })
  }
  switch (membership) {
    case 'join':
      return authoriseJoin(context, event.stateKey)
    case 'invite':
      return authoriseInvite(context, event.stateKey)
    case 'leave':
      return authoriseLeave(context, event.stateKey)
    case 'ban':
      return authoriseBan(context, event.stateKey)
    case 'knock':
      if (version.auth.knocking) return authoriseKnock(context, event.stateKey)
      return refuse({ reason: 'membership-unknown', membership })
    default:
      return refuse({ reason: 'membership-unknown', membership })
  }
}

/** "invite" where the room has no join rules (client-server API, `m.room.join_rules`). */
const joinRuleOf = ({ stateAt }: AuthContext): string => {
  const joinRules = stateAt('m.room.join_rules', '')
  return joinRules === undefined ? 'invite' : (stringAt(joinRules.content, 'join_rule') ?? 'invite')
}

const letsInvitedJoin = (version: RoomVersion, joinRule: string): boolean =>
  joinRule === 'invite' || (joinRule === 'knock' && version.auth.knocking)

const isRestricted = (version: RoomVersion, joinRule: string): boolean =>
  (joinRule === 'restricted' && version.auth.restrictedJoins) ||
  (joinRule === 'knock_restricted' && version.auth.knockRestrictedJoins)

const authoriseJoin = (context: AuthContext, target: string): AuthVerdict => {
  const { version, event, create, stateAt } = context
  const follows = event.prevEvents.length === 1 && event.prevEvents[0] === create.eventId
  if (follows && target === creatorsOf(version, create)[0]) return ALLOWED
  if (event.sender !== target) return refuse({ reason: 'join-for-other' })
  const membership = membershipOf(stateAt, target)
  if (membership === 'ban') return refuse({ reason: 'join-banned' })
  const joinRule = joinRuleOf(context)
  const isWelcome = membership === 'invite' || membership === 'join'
  if (letsInvitedJoin(version, joinRule)) return isWelcome ? ALLOWED : refuse({ reason: 'join-not-invited', joinRule })
  if (isRestricted(version, joinRule)) return isWelcome ? ALLOWED : authoriseVouchedJoin(context)
  return joinRule === 'public' ? ALLOWED : refuse({ reason: 'join-rule-forbids-join', joinRule })
}

/** A join by way of a member who may invite, named in `join_authorised_via_users_server`. */
const authoriseVouchedJoin = (context: AuthContext): AuthVerdict => {
  const userId = stringAt(context.event.content, 'join_authorised_via_users_server')
  if (userId === undefined) return refuse({ reason: 'join-without-authorising-user' })
  if (membershipOf(context.stateAt, userId) !== 'join')
    return refuse({ reason: 'join-authorising-user-not-joined', userId })
  const levels = levelsOf(context)
  return levels.ofUser(userId) >= levels.invite
    ? ALLOWED
    : refuse({ reason: 'join-authorising-user-lacks-power', userId })
}

const authoriseInvite = (context: AuthContext, target: string): AuthVerdict => {
  const { event, stateAt } = context
  const targetMembership = membershipOf(stateAt, target)
  if (Object.hasOwn(event.content, 'third_party_invite'))
    return authoriseThirdPartyInvite(event, targetMembership, stateAt)
  const membership = membershipOf(stateAt, event.sender)
  if (membership !== 'join') return refuse({ reason: 'sender-not-joined', membership })
  if (targetMembership === 'join') return refuse({ reason: 'invite-target-joined' })
  if (targetMembership === 'ban') return refuse({ reason: 'invite-target-banned' })
  const levels = levelsOf(context)
  const actual = levels.ofUser(event.sender)
  return actual >= levels.invite
    ? ALLOWED
    : refuse({ reason: 'power-too-low', action: 'invite', required: levels.invite, actual })
}

const authoriseLeave = (context: AuthContext, target: string): AuthVerdict => {
  const { version, event, stateAt } = context
  const membership = membershipOf(stateAt, event.sender)
  if (event.sender === target) {
    const mayLeave =
      membership === 'invite' || membership === 'join' || (membership === 'knock' && version.auth.knocking)
    return mayLeave ? ALLOWED : refuse({ reason: 'leave-without-membership', membership })
  }
  if (membership !== 'join') return refuse({ reason: 'sender-not-joined', membership })
  const levels = levelsOf(context)
  const actual = levels.ofUser(event.sender)
  if (membershipOf(stateAt, target) === 'ban' && actual < levels.ban)
    return refuse({ reason: 'power-too-low', action: 'unban', required: levels.ban, actual })
  if (actual < levels.kick) return refuse({ reason: 'power-too-low', action: 'kick', required: levels.kick, actual })
  return levels.ofUser(target) < actual ? ALLOWED : refuse({ reason: 'target-power-not-lower', action: 'kick' })
}

const authoriseBan = (context: AuthContext, target: string): AuthVerdict => {
  const { event, stateAt } = context
  const membership = membershipOf(stateAt, event.sender)
  if (membership !== 'join') return refuse({ reason: 'sender-not-joined', membership })
  const levels = levelsOf(context)
  const actual = levels.ofUser(event.sender)
  if (actual < levels.ban) return refuse({ reason: 'power-too-low', action: 'ban', required: levels.ban, actual })
  return levels.ofUser(target) < actual ? ALLOWED : refuse({ reason: 'target-power-not-lower', action: 'ban' })
}

const authoriseKnock = (context: AuthContext, target: string): AuthVerdict => {
  const { version, event, stateAt } = context
  const joinRule = joinRuleOf(context)
  const mayKnock = joinRule === 'knock' || (joinRule === 'knock_restricted' && version.auth.knockRestrictedJoins)
  if (!mayKnock) return refuse({ reason: 'join-rule-forbids-knock', joinRule })
  if (event.sender !== target) return refuse({ reason: 'knock-for-other' })
  const membership = membershipOf(stateAt, target)
  return membership === 'ban' || membership === 'invite' || membership === 'join'
    ? refuse({ reason: 'knock-not-possible', membership })
    : ALLOWED
}
