import type { AuthRefusal, AuthRefusalReason } from '#rules'
import { authoriseEvent } from '#rules'
import type { EventId, JsonObject, RoomEvent, RoomId, RoomVersion, UserId } from '#spec'
import { ROOM_VERSIONS } from '#spec'

export const ALICE = '@alice:a.example'
export const MOD = '@mod:a.example'
export const BOB = '@bob:b.example'
export const EVE = '@eve:e.example'

export interface Draft {
  readonly type: string
  readonly stateKey?: string | undefined
  readonly sender: string
  readonly content?: JsonObject
  readonly eventId?: string
  readonly roomId?: string
  readonly prevEvents?: readonly string[]
  readonly redacts?: string
  readonly rejected?: boolean
}

export const versionOf = (id: string): RoomVersion => {
  const version = ROOM_VERSIONS.get(id)
  if (version === undefined) throw new Error(`no room version ${id}`)
  return version
}

export const roomIdOf = (version: RoomVersion): string => (version.roomIdIsCreateHash ? '!create' : '!room:a.example')

let serial = 0

export const makeEvent = (version: RoomVersion, draft: Draft): RoomEvent => ({
  eventId: (draft.eventId ?? `$event${serial++}:a.example`) as EventId,
  roomId: (draft.roomId ?? roomIdOf(version)) as RoomId,
  type: draft.type,
  stateKey: draft.stateKey,
  sender: draft.sender as UserId,
  content: draft.content ?? {},
  originServerTs: 1,
  depth: 10,
  prevEvents: (draft.prevEvents ?? ['$before:a.example']) as EventId[],
  authEvents: [],
  redacts: draft.redacts as EventId | undefined,
  rejected: draft.rejected ?? false,
})

export const member = (sender: string, membership: string, stateKey = sender, more: JsonObject = {}): Draft => ({
  type: 'm.room.member',
  stateKey,
  sender,
  content: { membership, ...more },
})

export const joinRules = (joinRule: string): Draft => ({
  type: 'm.room.join_rules',
  stateKey: '',
  sender: ALICE,
  content: { join_rule: joinRule },
})

export const powerLevels = (content: JsonObject, sender = ALICE): Draft => ({
  type: 'm.room.power_levels',
  stateKey: '',
  sender,
  content,
})

/** The levels of the usual room: Alice over all, a moderator at 50, all others at 0. */
export const usualLevels = (version: RoomVersion): JsonObject => ({
  users: version.auth.privilegedCreators ? { [MOD]: 50 } : { [ALICE]: 100, [MOD]: 50 },
})

export const usualCreate = (version: RoomVersion): Draft => ({
  type: 'm.room.create',
  stateKey: '',
  sender: ALICE,
  content: version.auth.creatorIsSender ? { room_version: version.id } : { room_version: version.id, creator: ALICE },
  eventId: '$create',
  prevEvents: [],
})

export type State = ReadonlyMap<string, RoomEvent>

/** The usual room, members Alice, the moderator and Bob, by invitation only, with other state on top of it. */
export const usualState = (version: RoomVersion, changes: readonly Draft[], without: readonly string[] = []): State => {
  const drafts = [
    usualCreate(version),
    member(ALICE, 'join'),
    powerLevels(usualLevels(version)),
    joinRules('invite'),
    member(MOD, 'join'),
    member(BOB, 'join'),
    ...changes,
  ]
  const state = new Map<string, RoomEvent>()
  for (const draft of drafts) state.set(`${draft.type}|${draft.stateKey}`, makeEvent(version, draft))
  for (const key of without) state.delete(key)
  return state
}

export type Outcome = 'allowed' | AuthRefusalReason

export interface AuthCase {
  readonly name: string
  /** `3`, or a range, `3-11`; `owned`: those on which owned state is tried out. */
  readonly versions: string
  /** State beside that of the usual room. */
  readonly state?: readonly Draft[] | ((version: RoomVersion) => readonly Draft[])
  /** `type|state key` of the usual room's state that is not there. */
  readonly without?: readonly string[]
  readonly event: Draft | ((version: RoomVersion) => Draft)
  readonly expect: Outcome
  /** Fields of the refusal beside its reason. */
  readonly fields?: Partial<Record<string, unknown>>
}

export const versionsIn = (range: string): readonly RoomVersion[] => {
  if (range === 'owned') return [...ROOM_VERSIONS.values()].filter(({ auth }) => auth.ownedState)
  const [first, last = first] = range.split('-').map(Number)
  return [...ROOM_VERSIONS.values()].filter(({ id }) => Number(id) >= Number(first) && Number(id) <= Number(last))
}

export const judge = (version: RoomVersion, authCase: AuthCase): AuthRefusal | 'allowed' => {
  const changes = typeof authCase.state === 'function' ? authCase.state(version) : (authCase.state ?? [])
  const state = usualState(version, changes, authCase.without)
  const draft = typeof authCase.event === 'function' ? authCase.event(version) : authCase.event
  const verdict = authoriseEvent(version, makeEvent(version, draft), (type, key) => state.get(`${type}|${key}`))
  return verdict.allowed ? 'allowed' : verdict.refusal
}
