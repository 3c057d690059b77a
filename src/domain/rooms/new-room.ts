import {
  type EventId,
  type JsonObject,
  MatrixError,
  parseRoomAlias,
  ROOM_VERSIONS,
  type RoomAlias,
  type RoomId,
  type RoomVersion,
  type ServerName,
  serverOf,
  type UserId,
} from '#spec'
import { type AliasesReader, type RoomsReader, WriteConflict } from '#store'
import { type AliasNamespaces, aliasesIn } from './directory/directory.ts'
import type { RoomGuards } from './guards/room-guards.ts'
import { checkInvitee, type MemberAccounts, type Memberships } from './memberships/memberships.ts'
import type { Rooms } from './turns/rooms.ts'
import type { Draft, RoomTurn } from './turns/turn.ts'
import { ImpossibleEvent } from './turns/turn-errors.ts'

export type Preset = 'private_chat' | 'public_chat' | 'trusted_private_chat'

/** `POST /createRoom`, parsed (section "Creation"). */
export interface NewRoomRequest {
  readonly creator: UserId
  /** The application service that asks for the creator. */
  readonly service?: string | undefined
  readonly visibility: 'public' | 'private'
  readonly preset?: Preset | undefined
  /** Local part of the alias. */
  readonly aliasName?: string | undefined
  readonly name?: string | undefined
  readonly topic?: string | undefined
  readonly invite: readonly UserId[]
  readonly initialState: readonly { readonly type: string; readonly stateKey: string; readonly content: JsonObject }[]
  readonly powerLevelOverride: JsonObject
  readonly creationContent: JsonObject
  readonly version?: string | undefined
  readonly isDirect: boolean
  /** Whether to put the alias into `m.room.aliases`, as in 2015. */
  readonly aliasTold: boolean
  /** The transaction of a client of 2015: the same again is the same room. It is stored with the room, so no crash comes between the two. */
  readonly transaction?: Draft['transaction']
}

export interface RoomCreationOptions {
  readonly rooms: Rooms
  readonly reader: AliasesReader & Pick<RoomsReader, 'event' | 'transactionEvent'>
  readonly accounts: MemberAccounts
  readonly memberships: Pick<Memberships, 'change'>
  readonly serverName: ServerName
  readonly defaultVersion: string
  readonly namespaces: Pick<AliasNamespaces, 'assertMayName'>
  readonly guards: Pick<RoomGuards, 'creating'>
}

interface CreatedRoom {
  readonly roomId: RoomId
  readonly alias: RoomAlias | undefined
}

/** The settings of each preset (section "Creation", table of presets). */
const PRESETS: Readonly<Record<Preset, { joinRule: string; history: string; guests: string }>> = {
  private_chat: { joinRule: 'invite', history: 'shared', guests: 'can_join' },
  trusted_private_chat: { joinRule: 'invite', history: 'shared', guests: 'can_join' },
  public_chat: { joinRule: 'public', history: 'shared', guests: 'forbidden' },
}

/** Creates rooms: all first events, the alias and the directory entry in one commit. */
export class RoomCreation {
  readonly #options: RoomCreationOptions

  constructor(options: RoomCreationOptions) {
    this.#options = options
  }

  /**
   * Throws `M_UNSUPPORTED_ROOM_VERSION`, `M_ROOM_IN_USE`, `M_INVALID_PARAM`, `M_INVALID_ROOM_STATE`, `M_FORBIDDEN`; and what the servers of invited users say to
   * their invites, which are sent when the room is there.
   */
  async create(request: NewRoomRequest): Promise<CreatedRoom> {
    const made = await this.#madeBefore(request)
    if (made !== undefined) return made
    await this.#options.guards.creating(request)
    const created = await this.#create(request)
    const { creator: sender, isDirect } = request
    const content = isDirect ? { is_direct: true } : {}
    for (const target of request.invite) {
      if (this.#isOwn(target)) continue
      await this.#options.memberships.change({ roomId: created.roomId, sender, target, membership: 'invite', content })
    }
    return created
  }

  #isOwn(userId: UserId): boolean {
    return serverOf(userId) === this.#options.serverName
  }

  async #create(request: NewRoomRequest): Promise<CreatedRoom> {
    const version = ROOM_VERSIONS.get(request.version ?? this.#options.defaultVersion)
    if (version === undefined) throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', 'This room version is not known')
    const alias = await this.#alias(request.aliasName, request.service)
    checkInitialState(request, alias)
    for (const invitee of request.invite) await this.#checkInvitee(request.creator, invitee)
    const creatorProfile = await this.#options.accounts.profileOf(request.creator)
    const profiles = new Map<UserId, JsonObject>()
    for (const invitee of request.invite.filter((invited) => this.#isOwn(invited)))
      profiles.set(invitee, { ...(await this.#options.accounts.profileOf(invitee)) })
    try {
      const { roomId } = await this.#options.rooms.create(
        {
          creator: request.creator,
          version: version.id,
          createContent: () => createContent(version, request),
          published: request.visibility === 'public',
          alias,
          transaction: request.transaction,
        },
        (turn) => addFirstEvents(turn, request, { ...creatorProfile }, profiles, alias),
      )
      return { roomId, alias }
    } catch (error) {
      if (error instanceof WriteConflict && error.kind === 'alias-exists') throw aliasTaken()
      if (error instanceof WriteConflict && error.kind === 'transaction-used') {
        const other = await this.#madeBefore(request)
        if (other !== undefined) return other
      }
      // Everybody may create rooms, so the rules have refused an event that the request asked for.
      if (error instanceof ImpossibleEvent || (error instanceof MatrixError && error.errcode === 'M_FORBIDDEN'))
        throw new MatrixError('M_INVALID_ROOM_STATE', error.message, { cause: error })
      throw error
    }
  }

  /** The room that the same request made before. */
  async #madeBefore({ transaction, aliasName }: NewRoomRequest): Promise<CreatedRoom | undefined> {
    if (transaction === undefined) return undefined
    const { reader, serverName } = this.#options
    const eventId = await reader.transactionEvent(transaction.device, transaction.scope, transaction.id)
    const created = eventId === undefined ? undefined : await reader.event(eventId)
    if (created === undefined) return undefined
    return {
      roomId: created.roomId,
      alias: aliasName === undefined ? undefined : parseRoomAlias(`#${aliasName}:${serverName}`),
    }
  }

  async #alias(localpart: string | undefined, service: string | undefined): Promise<RoomAlias | undefined> {
    if (localpart === undefined) return undefined
    const alias = parseRoomAlias(`#${localpart}:${this.#options.serverName}`)
    if (alias === undefined || localpart.includes(':') || /\s/.test(localpart))
      throw new MatrixError('M_INVALID_PARAM', 'Not a valid alias name')
    this.#options.namespaces.assertMayName(alias, service)
    if ((await this.#options.reader.roomOfAlias(alias)) !== undefined) throw aliasTaken()
    return alias
  }

  async #checkInvitee(creator: UserId, invitee: UserId): Promise<void> {
    if (invitee === creator) throw new MatrixError('M_INVALID_PARAM', 'You cannot invite yourself')
    await checkInvitee(this.#options.accounts, this.#options.serverName, creator, invitee)
  }
}

const aliasTaken = (): MatrixError => new MatrixError('M_ROOM_IN_USE', 'The alias is taken')

/** Refuses initial state that adds members, who have to be invited, or names an alias other than the one created with the room. */
const checkInitialState = ({ initialState }: NewRoomRequest, alias: RoomAlias | undefined): void => {
  for (const { type, stateKey, content } of initialState) {
    if (type === 'm.room.create' || type === 'm.room.member')
      throw new MatrixError('M_INVALID_PARAM', `${type} cannot be given as initial state`)
    if (type !== 'm.room.canonical_alias' || stateKey !== '') continue
    for (const named of aliasesIn(content)) {
      if (named !== alias) throw new MatrixError('M_BAD_ALIAS', 'The canonical alias does not point to this room')
    }
  }
}

const createContent = (version: RoomVersion, request: NewRoomRequest): JsonObject => {
  const { creator: _, room_version: __, additional_creators: additional, ...rest } = request.creationContent
  const content: Record<string, JsonObject[string]> = { ...rest, room_version: version.id }
  if (!version.auth.creatorIsSender) content.creator = request.creator
  if (!version.auth.privilegedCreators)
    return additional === undefined ? content : { ...content, additional_creators: additional }
  // In a trusted chat all invited users get the creator's power: since version 12 by being named as creators.
  const trusted = request.preset === 'trusted_private_chat' ? request.invite : []
  if (additional !== undefined && !Array.isArray(additional))
    throw new MatrixError('M_INVALID_PARAM', 'additional_creators must be a list of user IDs')
  const creators = [...new Set([...((additional as string[] | undefined) ?? []), ...trusted])]
  return creators.length === 0 ? content : { ...content, additional_creators: creators }
}

const addFirstEvents = async (
  turn: RoomTurn,
  request: NewRoomRequest,
  creatorProfile: JsonObject,
  /** Of the invited users of this server. */
  profiles: ReadonlyMap<UserId, JsonObject>,
  alias: RoomAlias | undefined,
): Promise<void> => {
  const { creator } = request
  const preset = request.preset ?? (request.visibility === 'public' ? 'public_chat' : 'private_chat')
  const set = (type: string, content: JsonObject, stateKey = ''): Promise<EventId> =>
    turn.add({ type, sender: creator, stateKey, content })
  const given = new Set(request.initialState.filter(({ stateKey }) => stateKey === '').map(({ type }) => type))

  await set('m.room.member', { ...creatorProfile, membership: 'join' }, creator)
  if (!given.has('m.room.power_levels')) {
    await set('m.room.power_levels', powerLevels(turn.version, request, preset))
  } else if (Object.keys(request.powerLevelOverride).length > 0) {
    throw new MatrixError('M_INVALID_PARAM', 'Power levels are given twice')
  }
  if (alias !== undefined && !given.has('m.room.canonical_alias')) await set('m.room.canonical_alias', { alias })
  if (alias !== undefined && request.aliasTold) await set('m.room.aliases', { aliases: [alias] }, serverOf(alias))
  const { joinRule, history, guests } = PRESETS[preset]
  if (!given.has('m.room.join_rules')) await set('m.room.join_rules', { join_rule: joinRule })
  if (!given.has('m.room.history_visibility')) await set('m.room.history_visibility', { history_visibility: history })
  if (!given.has('m.room.guest_access') && guests === 'can_join')
    await set('m.room.guest_access', { guest_access: guests })
  for (const { type, stateKey, content } of request.initialState) await set(type, content, stateKey)
  if (request.name !== undefined) await set('m.room.name', { name: request.name })
  if (request.topic !== undefined) await set('m.room.topic', topicContent(request.topic))
  for (const [invitee, profile] of profiles) {
    await set(
      'm.room.member',
      { ...profile, membership: 'invite', ...(request.isDirect ? { is_direct: true } : {}) },
      invitee,
    )
  }
}

/** The content of `m.room.topic`: the plain text, and the extensible form of today. */
const topicContent = (topic: string): JsonObject => ({
  topic,
  'm.topic': { 'm.text': [{ body: topic, mimetype: 'text/plain' }] },
})

/** The initial levels, as other homeservers have them: 50 to name the room, 100 to open or close it, 150 to end it where creators are above all levels. */
const powerLevels = (version: RoomVersion, request: NewRoomRequest, preset: Preset): JsonObject => {
  const users: Record<string, number> = {}
  if (!version.auth.privilegedCreators) {
    users[request.creator] = 100
    if (preset === 'trusted_private_chat') for (const invitee of request.invite) users[invitee] = 100
  }
  return {
    users,
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.avatar': 50,
      'm.room.canonical_alias': 50,
      'm.room.power_levels': 100,
      'm.room.history_visibility': 100,
      'm.room.server_acl': 100,
      'm.room.encryption': 100,
      'm.room.tombstone': version.auth.privilegedCreators ? 150 : 100,
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    invite: preset === 'public_chat' ? 50 : 0,
    ...request.powerLevelOverride,
  }
}
