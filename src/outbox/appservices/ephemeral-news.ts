import type { JsonObject, RoomId, UserId } from '#spec'
import type { Receipt, ReceiptsReader, RoomNumber, RoomRecordsReader } from '#store'
import { type ServedAppservice, wantsEphemeral } from './served.ts'
import { takeFrom, type Waiting } from './waiting.ts'

export interface EphemeralNewsParts {
  readonly receipts: Pick<ReceiptsReader, 'since' | 'privateSince'>
  readonly rooms: Pick<RoomRecordsReader, 'room'>
  readonly typing: { typing(room: RoomNumber): readonly UserId[] }
  readonly presence: {
    /** The presence of each of these users now, as the content of `m.presence`. */
    ofEach(userIds: readonly UserId[]): readonly { readonly userId: UserId; readonly content: JsonObject }[]
  }
}

const MOST = 100
/** Matches no user: private receipts are asked for by their users. */
const NOBODY = '' as UserId

/** Tells services of receipts, typing and presence (application service API, "Pushing EDUs"). */
export class EphemeralNews {
  readonly #parts: EphemeralNewsParts

  constructor(parts: EphemeralNewsParts) {
    this.#parts = parts
  }

  /** EDUs as JSON, at most a hundred, and how far in the stream of receipts they go. */
  async take(
    service: ServedAppservice,
    waiting: Waiting,
    after: number,
    upTo: number,
  ): Promise<{ readonly texts: readonly string[]; readonly receipts: number }> {
    if (!wantsEphemeral(service)) return { texts: [], receipts: Math.max(after, upTo) }
    const texts: string[] = []
    const rooms = takeFrom(waiting.receiptRooms, MOST)
    for (const room of rooms) {
      const moved = await this.#parts.receipts.since([room], after, upTo, NOBODY)
      const roomId = moved.length === 0 ? undefined : await this.#roomId(room)
      if (roomId !== undefined)
        texts.push(JSON.stringify({ type: 'm.receipt', room_id: roomId, content: contentOf(moved) }))
    }
    const limit = MOST - texts.length
    const owners = takeFrom(waiting.receiptUsers, Number.POSITIVE_INFINITY)
    const own = await this.#parts.receipts.privateSince(owners, after, upTo, limit)
    for (const receipt of own) {
      const roomId = await this.#roomId(receipt.room)
      if (roomId !== undefined)
        texts.push(JSON.stringify({ type: 'm.receipt', room_id: roomId, content: contentOf([receipt]) }))
    }
    const isFull = owners.length > 0 && own.length >= limit
    if (isFull) for (const user of owners) waiting.receiptUsers.add(user)
    const told = isFull ? (own.at(-1)?.position ?? after) : upTo
    // A room that is not looked at now keeps the position where it is: receipts of others are told twice then, which does no harm.
    const receipts = waiting.receiptRooms.size > 0 ? after : Math.max(after, told)
    for (const room of takeFrom(waiting.typingRooms, MOST - texts.length)) {
      const roomId = await this.#roomId(room)
      if (roomId === undefined) continue
      const content = { user_ids: this.#parts.typing.typing(room) }
      texts.push(JSON.stringify({ type: 'm.typing', room_id: roomId, content }))
    }
    const users = takeFrom(waiting.presence, MOST - texts.length)
    for (const { userId: sender, content } of users.length === 0 ? [] : this.#parts.presence.ofEach(users))
      texts.push(JSON.stringify({ type: 'm.presence', sender, content }))
    return { texts, receipts }
  }

  async #roomId(room: RoomNumber): Promise<RoomId | undefined> {
    return (await this.#parts.rooms.room(room))?.roomId
  }
}

const contentOf = (receipts: readonly Receipt[]): JsonObject => {
  const content: Record<string, Record<string, Record<string, JsonObject>>> = {}
  for (const { eventId, type, userId, atMs, threadId } of receipts) {
    const ofEvent = content[eventId] ?? {}
    const receipt = { ts: atMs, ...(threadId === undefined ? {} : { thread_id: threadId }) }
    content[eventId] = { ...ofEvent, [type]: { ...ofEvent[type], [userId]: receipt } }
  }
  return content
}
