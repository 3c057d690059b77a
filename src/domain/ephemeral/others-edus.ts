import type { Clock, Logger } from '#base'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  MatrixError,
  objectAt,
  parseEventId,
  parseRoomId,
  parseUserId,
  type RoomId,
  stringAt,
  type UserId,
} from '#spec'
import {
  type Commit,
  isInHistory,
  MAIN_TIMELINE,
  type Receipt,
  type ReceiptsWriter,
  type RoomsReader,
  type UserNumber,
} from '#store'
import type { Presence } from './presence.ts'
import type { Typing } from './typing.ts'

export interface OthersEdusParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly typing: Pick<Typing, 'set'>
  readonly presence: Pick<Presence, 'setRemote'>
  readonly rooms: Pick<RoomsReader, 'roomByRoomId' | 'membership' | 'event' | 'roomsOfUser'>
  readonly receipts: Pick<ReceiptsWriter, 'move'>
  readonly commit: Commit
}

/** Other servers say again who types well before this. */
const TYPING_MS = 60_000
/** Receipts that one EDU may bring. */
const MAX_RECEIPTS = 500
/** A receipt may be for an event that came in the same transaction and is not stored yet: it is looked for once more. */
const AGAIN_MS = 3_000
/** Receipts that wait for that. */
const MAX_AGAIN = 1_000
const MAX_PRESENCES = 100

/**
 * News of other servers about their users: typing, receipts, presence (server-server API, "EDUs"). That they speak for their own users, and in rooms where they may, was
 * checked before.
 */
export class OthersEdus {
  readonly #parts: OthersEdusParts
  #again = 0

  constructor(parts: OthersEdusParts) {
    this.#parts = parts
  }

  /** `m.typing`: of members alone; it ends by itself, as the server may be gone. */
  async typing(content: JsonObject): Promise<void> {
    const roomId = parseRoomId(stringAt(content, 'room_id') ?? '')
    const userId = parseUserId(stringAt(content, 'user_id') ?? '')
    if (roomId === undefined || userId === undefined || typeof content.typing !== 'boolean') return
    const member = await this.#member(roomId, userId)
    if (member === undefined) return
    try {
      await this.#parts.typing.set(roomId, member.user, userId, content.typing, TYPING_MS)
    } catch (error) {
      // The user left meanwhile.
      if (!(error instanceof MatrixError)) throw error
    }
  }

  /** `m.receipt`: `room -> m.read -> user`. */
  async receipts(content: JsonObject): Promise<void> {
    const claimed = receiptsIn(content)
    const unknown = await this.#move(claimed)
    const free = Math.max(0, MAX_AGAIN - this.#again)
    const kept = unknown.slice(0, free)
    if (kept.length === 0) return
    this.#again += kept.length
    this.#parts.clock.after(AGAIN_MS, () => {
      this.#again -= kept.length
      this.#move(kept).catch((err: unknown) =>
        this.#parts.logger.warn({ err }, 'receipts of another server could not be stored'),
      )
    })
  }

  /** `m.presence`: of users who are in a room with somebody here. */
  async presence(content: JsonObject): Promise<void> {
    const { push } = content
    if (!Array.isArray(push)) return
    for (const state of (push as readonly JsonValue[]).slice(0, MAX_PRESENCES)) {
      if (!isJsonObject(state)) continue
      const userId = parseUserId(stringAt(state, 'user_id') ?? '')
      if (userId === undefined) continue
      await this.#parts.presence.setRemote(userId, state, () => this.#numberOf(userId))
    }
  }

  /** Returns those whose event is not known. */
  async #move(claimed: readonly ClaimedReceipt[]): Promise<readonly ClaimedReceipt[]> {
    const { rooms, receipts, commit } = this.#parts
    const unknown: ClaimedReceipt[] = []
    for (const claim of claimed) {
      const { roomId, userId, eventId, threadId, atMs } = claim
      const member = await this.#member(roomId, userId)
      if (member === undefined) continue
      const event = await rooms.event(eventId)
      if (event === undefined) unknown.push(claim)
      if (event?.room !== member.room || !isInHistory(event)) continue
      const { room } = member
      const receipt = { room, userId, type: 'm.read' as const, threadId, eventId, eventPosition: event.position }
      await commit([receipts.move({ ...receipt, atMs })])
    }
    return unknown
  }

  /** undefined for a user who is not joined. */
  async #member(roomId: RoomId, userId: UserId) {
    const { rooms } = this.#parts
    const room = (await rooms.roomByRoomId(roomId))?.room
    const member = room === undefined ? undefined : await rooms.membership(room, userId)
    return room === undefined || member?.membership !== 'join' ? undefined : { room, user: member.user }
  }

  /** The number of a user who is joined to some room; undefined for everybody else. */
  async #numberOf(userId: UserId): Promise<UserNumber | undefined> {
    const { rooms } = this.#parts
    const joined = (await rooms.roomsOfUser(userId)).find(({ membership }) => membership === 'join')
    return joined === undefined ? undefined : (await rooms.membership(joined.room, userId))?.user
  }
}

type ClaimedReceipt = Pick<Receipt, 'userId' | 'eventId' | 'threadId' | 'atMs'> & { readonly roomId: RoomId }

/** The receipts of an EDU that are well formed. */
const receiptsIn = (content: JsonObject): readonly ClaimedReceipt[] => {
  const found: ClaimedReceipt[] = []
  for (const [room, kinds] of Object.entries(content)) {
    const roomId = parseRoomId(room)
    const users = isJsonObject(kinds) ? objectAt(kinds, 'm.read') : undefined
    if (roomId === undefined || users === undefined) continue
    for (const [user, receipt] of Object.entries(users)) {
      if (found.length >= MAX_RECEIPTS) return found
      const claimed = isJsonObject(receipt) ? receiptIn(roomId, user, receipt) : undefined
      if (claimed !== undefined) found.push(claimed)
    }
  }
  return found
}

const receiptIn = (roomId: RoomId, user: string, receipt: JsonObject): ClaimedReceipt | undefined => {
  const userId = parseUserId(user)
  const data = objectAt(receipt, 'data') ?? {}
  const eventIds = Array.isArray(receipt.event_ids) ? (receipt.event_ids as readonly JsonValue[]) : []
  const last = eventIds.at(-1)
  const eventId = typeof last === 'string' ? parseEventId(last) : undefined
  const threadId = stringAt(data, 'thread_id')
  const { ts } = data
  if (userId === undefined || eventId === undefined) return undefined
  if (threadId !== undefined && threadId !== MAIN_TIMELINE && parseEventId(threadId) === undefined) return undefined
  const atMs = typeof ts === 'number' && Number.isSafeInteger(ts) && ts >= 0 ? ts : 0
  return { roomId, userId, eventId, threadId, atMs }
}
