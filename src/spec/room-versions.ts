/**
 * Room versions as records of rules, each derived from the one before it ("Room versions", one page a version). No code
 * asks for a version's number: it asks the record.
 */
export interface RoomVersion {
  readonly id: string
  readonly stable: boolean
  /** The way an event gets its id: given by the sender, or the reference hash in one of two alphabets. */
  readonly eventId: 'given' | 'hash-standard-base64' | 'hash-urlsafe-base64'
  /** Whether references in `prev_events` and `auth_events` are `[id, hashes]` pairs. */
  readonly referencePairs: boolean
  readonly stateResolution: 'v1' | 'v2' | 'v2.1'
  /** Signing keys must have been valid at `origin_server_ts`. */
  readonly enforceKeyValidity: boolean
  /** Integers in range only; no floats, no minus zero. */
  readonly strictCanonicalJson: boolean
  readonly redaction: RedactionRules
  readonly auth: AuthRules
  /** The room id is the create event's reference hash, and the create event is never cited as an auth event. */
  readonly roomIdIsCreateHash: boolean
  /** The place where an `m.room.redaction` names its target. */
  readonly redactsIn: 'event' | 'content'
}

export interface RedactionRules {
  /** Top-level keys `origin`, `membership` and `prev_state` survive. */
  readonly keepOldTopLevel: boolean
  readonly keepAliases: boolean
  readonly keepJoinRuleAllow: boolean
  readonly keepMemberAuthorisedVia: boolean
  /** The whole content of `m.room.create` survives (before: only `creator`). */
  readonly keepCreateContent: boolean
  readonly keepRedactsInContent: boolean
  readonly keepInvitePowerLevel: boolean
  readonly keepThirdPartyInviteSigned: boolean
}

export interface AuthRules {
  /** `m.room.aliases` has a rule of its own: the state key must be the sender's server. */
  readonly aliasesRule: boolean
  /** A redaction is authorised when it comes from the target's server or from someone with the power to redact. */
  readonly redactionRule: boolean
  /** Changes inside `notifications` of the power levels are limited like the others. */
  readonly limitNotificationsPower: boolean
  readonly knocking: boolean
  readonly restrictedJoins: boolean
  readonly knockRestrictedJoins: boolean
  /** Power levels must be integers (before: strings holding integers pass too). */
  readonly integerPowerLevels: boolean
  /** The creator is the sender of `m.room.create` (before: `content.creator`, which must be there). */
  readonly creatorIsSender: boolean
  /** Creators have infinite power, may not stand in `users`; `additional_creators` is read. */
  readonly privilegedCreators: boolean
  /** State whose key begins with a user ID and an underscore is that user's, and may be set by users with more power too (MSC3757). */
  readonly ownedState: boolean
}

const v1: RoomVersion = {
  id: '1',
  stable: true,
  eventId: 'given',
  referencePairs: true,
  stateResolution: 'v1',
  enforceKeyValidity: false,
  strictCanonicalJson: false,
  redaction: {
    keepOldTopLevel: true,
    keepAliases: true,
    keepJoinRuleAllow: false,
    keepMemberAuthorisedVia: false,
    keepCreateContent: false,
    keepRedactsInContent: false,
    keepInvitePowerLevel: false,
    keepThirdPartyInviteSigned: false,
  },
  auth: {
    aliasesRule: true,
    redactionRule: true,
    limitNotificationsPower: false,
    knocking: false,
    restrictedJoins: false,
    knockRestrictedJoins: false,
    integerPowerLevels: false,
    creatorIsSender: false,
    privilegedCreators: false,
    ownedState: false,
  },
  roomIdIsCreateHash: false,
  redactsIn: 'event',
}

const v2: RoomVersion = { ...v1, id: '2', stateResolution: 'v2' }
const v3: RoomVersion = {
  ...v2,
  id: '3',
  eventId: 'hash-standard-base64',
  referencePairs: false,
  auth: { ...v2.auth, redactionRule: false },
}
const v4: RoomVersion = { ...v3, id: '4', eventId: 'hash-urlsafe-base64' }
const v5: RoomVersion = { ...v4, id: '5', enforceKeyValidity: true }
const v6: RoomVersion = {
  ...v5,
  id: '6',
  strictCanonicalJson: true,
  redaction: { ...v5.redaction, keepAliases: false },
  auth: { ...v5.auth, aliasesRule: false, limitNotificationsPower: true },
}
const v7: RoomVersion = { ...v6, id: '7', auth: { ...v6.auth, knocking: true } }
const v8: RoomVersion = {
  ...v7,
  id: '8',
  redaction: { ...v7.redaction, keepJoinRuleAllow: true },
  auth: { ...v7.auth, restrictedJoins: true },
}
const v9: RoomVersion = { ...v8, id: '9', redaction: { ...v8.redaction, keepMemberAuthorisedVia: true } }
const v10: RoomVersion = {
  ...v9,
  id: '10',
  auth: { ...v9.auth, knockRestrictedJoins: true, integerPowerLevels: true },
}
const v11: RoomVersion = {
  ...v10,
  id: '11',
  redaction: {
    ...v10.redaction,
    keepOldTopLevel: false,
    keepCreateContent: true,
    keepRedactsInContent: true,
    keepInvitePowerLevel: true,
    keepThirdPartyInviteSigned: true,
  },
  auth: { ...v10.auth, creatorIsSender: true },
  redactsIn: 'content',
}
const v12: RoomVersion = {
  ...v11,
  id: '12',
  stateResolution: 'v2.1',
  auth: { ...v11.auth, privilegedCreators: true },
  roomIdIsCreateHash: true,
}

/** The versions on which MSC3757 is tried out. */
const owned = (version: RoomVersion): RoomVersion => ({
  ...version,
  id: `org.matrix.msc3757.${version.id}`,
  stable: false,
  auth: { ...version.auth, ownedState: true },
})

export const ROOM_VERSIONS: ReadonlyMap<string, RoomVersion> = new Map(
  [v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12, owned(v10), owned(v11)].map((version) => [version.id, version]),
)
