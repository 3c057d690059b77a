import { KeyedLock, type Logger } from '#base'
import { powerLevelsOf } from '#rules'
import {
  type EventId,
  type JsonObject,
  MatrixError,
  parseUserId,
  ROOM_VERSIONS,
  type RoomEvent,
  type RoomId,
  type RoomVersion,
  type UserId,
} from '#spec'
import type {
  AliasesReader,
  Commit,
  MembersReader,
  RoomNumber,
  RoomRecordsReader,
  RoomStateReader,
  RoomUpgradesReader,
  RoomUpgradesWriter,
} from '#store'
import { MembersMissing } from '../turns/members-missing.ts'
import { type RoomDraft, type Rooms, UnknownRoom } from '../turns/rooms.ts'
import type { RoomTurn } from '../turns/turn.ts'
import {
  COPIED_AT_ONCE,
  createContentAfter,
  highestLevel,
  powerLevelsAfter,
  predecessorIn,
  replacementIn,
  SAID_ANYWAY,
} from './contents.ts'
import { addUnlessRefused, contentOf } from './copied-state.ts'
import type { UpgradeFollowers } from './successors.ts'
import type { UpgradeSteps } from './upgrade-steps.ts'

/** `POST /rooms/{roomId}/upgrade`, parsed. */
export interface UpgradeRequest {
  readonly roomId: RoomId
  readonly userId: UserId
  readonly version: string
  /** Ignored by room versions that have no such creators. */
  readonly additionalCreators: readonly string[]
}

export interface RoomUpgradesParts {
  readonly rooms: Pick<Rooms, 'turn' | 'draft'>
  readonly store: {
    readonly reader: AliasesReader & MembersReader & RoomRecordsReader & RoomStateReader
    readonly upgrades: RoomUpgradesReader
    readonly writer: RoomUpgradesWriter
    readonly commit: Commit
  }
  readonly steps: UpgradeSteps
  /** The profile in the user's member event. */
  profileOf(userId: UserId): Promise<object>
  readonly followers: UpgradeFollowers
  readonly logger: Logger
}

interface Wish {
  readonly userId: UserId
  readonly version: RoomVersion
  /** The upgrader first. */
  readonly creators: readonly UserId[]
  readonly profile: object
  /** The tombstone that the room had when the request came. */
  readonly tombstoneBefore: EventId | undefined
}

/**
 * Replaces rooms (module "Room upgrades"). One commit makes the new room, closed to everybody but who upgrades, puts the tombstone into the
 * old one and notes the upgrade. What may be long follows in pieces; then the new room opens. A crash leaves nothing, or the note, from which `resume` and the
 * same request again go on.
 */
export class RoomUpgrades {
  readonly #parts: RoomUpgradesParts
  readonly #finishing = new KeyedLock<RoomNumber>()

  constructor(parts: RoomUpgradesParts) {
    this.#parts = parts
  }

  /**
   * Returns the new room; for the same request again, the room that it made. Throws `M_UNSUPPORTED_ROOM_VERSION`, `M_INVALID_PARAM`,
   * `M_NOT_FOUND`, `M_FORBIDDEN`, `M_BAD_STATE` if somebody else replaces the room at the same time.
   */
  async upgrade(request: UpgradeRequest): Promise<RoomId> {
    const { roomId, userId } = request
    const { rooms, store } = this.#parts
    const version = ROOM_VERSIONS.get(request.version)
    if (version === undefined)
      throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', 'This server does not know that room version')
    const creators = version.auth.privilegedCreators ? creatorsOfRequest(request) : [userId]
    const record = await store.reader.roomByRoomId(roomId)
    if (record === undefined) throw new UnknownRoom()
    // Bans go to the new room.
    if (record.partialSince !== undefined) throw new MembersMissing(roomId)
    const tombstone = await store.reader.stateEvent(record.room, 'current', 'm.room.tombstone', '')
    const underWay = await store.upgrades.upgradeOf(record.room)
    if (underWay?.upgrader === userId) await this.#finish(record.room)
    const profile = await this.#parts.profileOf(userId)
    const wish = { userId, version, creators, profile, tombstoneBefore: tombstone?.eventId }
    const replacement = await rooms.turn(roomId, (turn) => this.#begin(turn, wish))
    await this.#finish(record.room)
    return replacement
  }

  /** Completes the upgrades that a stop or a crash interrupted. */
  async resume(): Promise<void> {
    for (const { room } of await this.#parts.store.upgrades.upgrades()) await this.#finish(room)
  }

  async #begin(turn: RoomTurn, wish: Wish): Promise<RoomId> {
    const { upgrades, reader, writer } = this.#parts.store
    await needPower(turn, wish.userId)
    const tombstone = await turn.state('m.room.tombstone')
    // The other upgrade may be under way to the database, and its room not to be found there yet.
    if (tombstone?.eventId !== wish.tombstoneBefore) await turn.live.lastWrite.catch(() => {})
    const made = tombstone === undefined ? undefined : await this.#madeBefore(turn.roomId, tombstone, wish)
    if (made !== undefined) return made
    const { room } = turn.live
    if (tombstone?.eventId !== wish.tombstoneBefore || (await upgrades.upgradeOf(room)) !== undefined)
      throw inOtherHands()
    const draft = await this.#draft(turn, wish)
    for (const change of draft.changes) turn.also(change)
    if (wish.version.roomIdIsCreateHash) await addTombstone(turn, wish.userId, draft.roomId)
    const wasPublished = (await reader.room(room))?.published === true
    if (wasPublished) turn.publish(false)
    turn.also(writer.begin({ room, replacementId: draft.roomId, upgrader: wish.userId, wasPublished }))
    turn.also(writer.follow({ userId: wish.userId, from: turn.roomId, to: draft.roomId }))
    return draft.roomId
  }

  /**
   * The room that the same upgrade made, for an answer that got lost: its upgrader is still in it. Throws `M_BAD_STATE` if somebody else has replaced
   * the room by one in which there are people.
   */
  async #madeBefore(roomId: RoomId, tombstone: RoomEvent, wish: Wish): Promise<RoomId | undefined> {
    const { reader } = this.#parts.store
    const replacement = replacementIn(tombstone.content)
    const record = replacement === undefined ? undefined : await reader.roomByRoomId(replacement)
    const create = record && (await reader.stateEvent(record.room, 'current', 'm.room.create', ''))
    if (record === undefined || create === undefined || predecessorIn(contentOf(create.json)) !== roomId)
      return undefined
    if (tombstone.sender !== wish.userId && record.joinedCount > 0) throw inOtherHands()
    if (tombstone.sender !== wish.userId || record.version !== wish.version.id) return undefined
    return (await reader.membership(record.room, wish.userId))?.membership === 'join' ? record.roomId : undefined
  }

  /** The new room with what it gets at once. Where its id is known before its first event, the tombstone comes first, so that this event can name it. */
  async #draft(turn: RoomTurn, wish: Wish): Promise<RoomDraft<void>> {
    const { userId: creator, version } = wish
    const before = (await turn.state('m.room.create'))?.content ?? {}
    const powerLevels = (await turn.state('m.room.power_levels'))?.content
    const createContent = async (roomId: RoomId | undefined): Promise<JsonObject> => {
      const eventId = roomId === undefined ? undefined : await addTombstone(turn, creator, roomId)
      const predecessor = { room_id: turn.roomId, ...(eventId === undefined ? {} : { event_id: eventId }) }
      return { ...createContentAfter(before, version, creator, wish.creators.slice(1)), predecessor }
    }
    const options = { creator, version: version.id, createContent, published: false, alias: undefined }
    return this.#parts.rooms.draft(options, async (made) => {
      const member = { ...wish.profile, membership: 'join' }
      await made.add({ type: 'm.room.member', sender: creator, stateKey: creator, content: member })
      // These hold until the room opens, so that its own levels do not keep anybody from copying the rest.
      if (!version.auth.privilegedCreators) {
        const after = powerLevelsAfter(powerLevels, turn.version, version, wish.creators)
        const content = { users: { [creator]: highestLevel(after, version) } }
        await made.add({ type: 'm.room.power_levels', sender: creator, stateKey: '', content })
      }
      for (const type of COPIED_AT_ONCE) {
        const content = (await turn.state(type))?.content ?? SAID_ANYWAY[type]
        if (content !== undefined && Object.keys(content).length > 0)
          await addUnlessRefused(made, creator, { type, stateKey: '', content }, this.#parts.logger)
      }
    })
  }

  /** Does all that is left of the room's upgrade, if one is under way. Each step may be done twice. */
  async #finish(room: RoomNumber): Promise<void> {
    const { steps, store, followers } = this.#parts
    await this.#finishing.run(room, async () => {
      const upgrade = await store.upgrades.upgradeOf(room)
      if (upgrade === undefined) return
      if (!upgrade.isOpen) await steps.copyAndOpen(upgrade)
      await steps.tellOthers(upgrade)
      await followers.carry({ userId: upgrade.upgrader, from: upgrade.roomId, to: upgrade.replacementId })
      await store.commit([store.writer.finish(room)])
    })
  }
}

const inOtherHands = (): MatrixError =>
  new MatrixError('M_BAD_STATE', 'Somebody else has upgraded this room', { status: 400 })

const MAX_CREATORS = 100

const creatorsOfRequest = ({ userId, additionalCreators }: UpgradeRequest): readonly UserId[] => {
  const named = additionalCreators.map(parseUserId)
  if (named.length > MAX_CREATORS) throw new MatrixError('M_INVALID_PARAM', 'There are too many additional creators')
  if (named.includes(undefined))
    throw new MatrixError('M_INVALID_PARAM', 'additional_creators must be a list of user IDs')
  return [...new Set([userId, ...(named as UserId[])])]
}

/** Checked before anything is made, so that a refusal costs nothing. */
const needPower = async (turn: RoomTurn, userId: UserId): Promise<void> => {
  const create = await turn.state('m.room.create')
  const levels = powerLevelsOf(turn.version, create, await turn.state('m.room.power_levels'))
  if ((await turn.membership(userId)) !== 'join' || levels.ofUser(userId) < levels.toSend('m.room.tombstone', true))
    throw new MatrixError('M_FORBIDDEN', 'You may not upgrade this room')
}

const addTombstone = (turn: RoomTurn, sender: UserId, replacement: RoomId): Promise<EventId> =>
  turn.add({
    type: 'm.room.tombstone',
    sender,
    stateKey: '',
    content: { body: 'This room has been replaced', replacement_room: replacement },
  })
