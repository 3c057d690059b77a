import type { EventId, RoomId, ServerName } from '#spec'

/** The verdict of the authorisation rules on an event ("Room versions", "Authorisation rules"). */
export type AuthVerdict = { readonly allowed: true } | { readonly allowed: false; readonly refusal: AuthRefusal }

/** Something that takes a power level. `send` is any event type without a rule of its own. */
export type PoweredAction = 'send' | 'invite' | 'kick' | 'ban' | 'unban' | 'redact'

export type PowerLevelField =
  | 'users_default'
  | 'events_default'
  | 'state_default'
  | 'ban'
  | 'redact'
  | 'kick'
  | 'invite'

/** The reason why an event is refused: one for each rule, with the values that the rule saw. */
export type AuthRefusal =
  // The create event itself.
  | { readonly reason: 'create-has-prev-events' }
  | { readonly reason: 'create-room-id-mismatch'; readonly roomId: RoomId }
  | { readonly reason: 'create-room-version-unknown' }
  | { readonly reason: 'create-without-creator' }
  | { readonly reason: 'create-additional-creators-malformed' }
  // The room.
  | { readonly reason: 'no-create-event' }
  | { readonly reason: 'create-rejected' }
  | { readonly reason: 'room-id-not-from-create'; readonly roomId: RoomId }
  | { readonly reason: 'not-federated'; readonly server: ServerName }
  // The selection of auth events.
  | { readonly reason: 'auth-event-duplicate'; readonly type: string; readonly stateKey: string }
  | { readonly reason: 'auth-event-surplus'; readonly type: string; readonly stateKey: string | undefined }
  | { readonly reason: 'auth-event-rejected'; readonly eventId: EventId }
  | { readonly reason: 'auth-event-of-other-room'; readonly eventId: EventId }
  | { readonly reason: 'auth-events-without-create' }
  // m.room.aliases, room versions 1 to 5.
  | { readonly reason: 'aliases-without-state-key' }
  | { readonly reason: 'aliases-of-other-server'; readonly server: ServerName }
  // m.room.member.
  | { readonly reason: 'member-malformed' }
  | { readonly reason: 'membership-unknown'; readonly membership: string }
  | { readonly reason: 'authorising-user-malformed' }
  | { readonly reason: 'join-for-other' }
  | { readonly reason: 'join-banned' }
  | { readonly reason: 'join-not-invited'; readonly joinRule: string }
  | { readonly reason: 'join-without-authorising-user' }
  | { readonly reason: 'join-authorising-user-not-joined'; readonly userId: string }
  | { readonly reason: 'join-authorising-user-lacks-power'; readonly userId: string }
  | { readonly reason: 'join-rule-forbids-join'; readonly joinRule: string }
  | { readonly reason: 'invite-target-joined' }
  | { readonly reason: 'invite-target-banned' }
  | { readonly reason: 'third-party-invite-malformed' }
  | { readonly reason: 'third-party-invite-for-other'; readonly mxid: string }
  | { readonly reason: 'third-party-invite-unknown'; readonly token: string }
  | { readonly reason: 'third-party-invite-sender-mismatch' }
  | { readonly reason: 'third-party-invite-unsigned' }
  | { readonly reason: 'leave-without-membership'; readonly membership: string | undefined }
  | { readonly reason: 'target-power-not-lower'; readonly action: 'kick' | 'ban' }
  | { readonly reason: 'knock-for-other' }
  | { readonly reason: 'knock-not-possible'; readonly membership: string }
  | { readonly reason: 'join-rule-forbids-knock'; readonly joinRule: string }
  // Everything else.
  | { readonly reason: 'sender-not-joined'; readonly membership: string | undefined }
  | {
      readonly reason: 'power-too-low'
      readonly action: PoweredAction
      readonly required: number
      readonly actual: number
    }
  | { readonly reason: 'state-key-of-other-user' }
  | { readonly reason: 'state-key-malformed' }
  // m.room.power_levels.
  | { readonly reason: 'power-levels-malformed'; readonly field: string }
  | { readonly reason: 'power-levels-name-creator'; readonly userId: string }
  | {
      /** `level` is the current or the new value which the sender's own, `actual`, does not reach. */
      readonly reason: 'power-level-out-of-reach'
      readonly field: string
      readonly level: number
      readonly actual: number
    }

export type AuthRefusalReason = AuthRefusal['reason']

export const ALLOWED: AuthVerdict = { allowed: true }

export const refuse = (refusal: AuthRefusal): AuthVerdict => ({ allowed: false, refusal })

type Descriptions = {
  readonly [Reason in AuthRefusalReason]: (refusal: Extract<AuthRefusal, { readonly reason: Reason }>) => string
}

const POWER_VERBS: Readonly<Record<PoweredAction, string>> = {
  send: 'send this event',
  invite: 'invite',
  kick: 'remove a user',
  ban: 'ban a user',
  unban: 'lift a ban',
  redact: 'redact events',
}

// Strings from the event are cut: a refusal must stay short whatever was sent.
const quote = (text: string): string => `"${text.length > 64 ? `${text.slice(0, 64)}…` : text}"`

const membershipText = (membership: string | undefined): string =>
  membership === undefined ? 'not in the room' : `${quote(membership)}, not "join"`

const DESCRIPTIONS: Descriptions = {
  'create-has-prev-events': () => 'A create event must be the first of its room',
  'create-room-id-mismatch': () => "The room ID does not match the create event's sender",
  'create-room-version-unknown': () => 'The create event names an unknown room version',
  'create-without-creator': () => 'The create event names no creator',
  'create-additional-creators-malformed': () => 'additional_creators must be a list of user IDs',
  'no-create-event': () => 'The room has no create event',
  'create-rejected': () => "The room's create event was rejected",
  'room-id-not-from-create': () => 'The room ID is not that of its create event',
  'not-federated': ({ server }) => `The room is closed to other servers, such as ${server}`,
  'auth-event-duplicate': ({ type, stateKey }) =>
    `Two auth events for type ${quote(type)} and state key ${quote(stateKey)}`,
  'auth-event-surplus': ({ type }) => `An auth event of type ${quote(type)} has no bearing on this event`,
  'auth-event-rejected': ({ eventId }) => `Auth event ${eventId} was rejected`,
  'auth-event-of-other-room': ({ eventId }) => `Auth event ${eventId} belongs to another room`,
  'auth-events-without-create': () => 'The auth events lack the create event',
  'aliases-without-state-key': () => 'An aliases event needs a state key',
  'aliases-of-other-server': ({ server }) => `Only ${server} is yours to set aliases for`,
  'member-malformed': () => 'A member event needs a user ID as state key and a membership',
  'membership-unknown': ({ membership }) => `Unknown membership ${quote(membership)}`,
  'authorising-user-malformed': () => 'join_authorised_via_users_server must be a user ID',
  'join-for-other': () => 'You cannot join on behalf of another user',
  'join-banned': () => 'You are banned from this room',
  'join-not-invited': () => 'You are not invited to this room',
  'join-without-authorising-user': () => 'Joining needs an invite or a member who vouches for you',
  'join-authorising-user-not-joined': ({ userId }) => `${userId}, who authorised the join, is not in the room`,
  'join-authorising-user-lacks-power': ({ userId }) => `${userId}, who authorised the join, may not invite`,
  'join-rule-forbids-join': ({ joinRule }) => `The join rule ${quote(joinRule)} lets nobody join`,
  'invite-target-joined': () => 'The user is already in the room',
  'invite-target-banned': () => 'The user is banned from the room',
  'third-party-invite-malformed': () => 'The third-party invite lacks its signed user ID or token',
  'third-party-invite-for-other': ({ mxid }) => `The third-party invite is for ${quote(mxid)}`,
  'third-party-invite-unknown': () => 'The third-party invite is not known in this room, or was revoked',
  'third-party-invite-sender-mismatch': () => 'Only who sent the third-party invite may turn it into an invite',
  'third-party-invite-unsigned': () => 'The third-party invite bears no valid signature',
  'leave-without-membership': () => 'You are not in the room',
  'target-power-not-lower': ({ action }) => `You cannot ${action} a user whose power level is not below yours`,
  'knock-for-other': () => 'You cannot knock on behalf of another user',
  'knock-not-possible': ({ membership }) => `You cannot knock while your membership is ${quote(membership)}`,
  'join-rule-forbids-knock': () => 'The room does not allow knocking',
  'sender-not-joined': ({ membership }) => `The sender is ${membershipText(membership)}`,
  'power-too-low': ({ action, required, actual }) =>
    `You need power level ${required} to ${POWER_VERBS[action]}, yours is ${actual}`,
  'state-key-of-other-user': () => 'State with a user ID as its state key can only be set by that user',
  'state-key-malformed': () => 'The state key is too long, or begins with what is no user ID',
  'power-levels-malformed': ({ field }) => `Malformed power levels: ${quote(field)}`,
  'power-levels-name-creator': ({ userId }) => `The power of the room's creator ${quote(userId)} cannot be set`,
  'power-level-out-of-reach': ({ field, level, actual }) =>
    `You cannot change ${quote(field)} from or to ${level}: your power level is ${actual}`,
}

/** The refusal as one short sentence for the `error` of an `M_FORBIDDEN`. */
export const describeRefusal = (refusal: AuthRefusal): string => {
  // Sound by the type of DESCRIPTIONS: the entry of a reason takes the refusal with that reason.
  const describe = DESCRIPTIONS[refusal.reason] as (of: AuthRefusal) => string
  return describe(refusal)
}
