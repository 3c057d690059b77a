import type { Clock, Random } from '#base'
import { buildEvent, referenceHash, type SigningKey } from '#rules'
import {
  type EventId,
  isJsonObject,
  type JsonObject,
  MatrixError,
  type Membership,
  type Pdu,
  ROOM_VERSIONS,
  type RoomId,
  type RoomVersion,
  type ServerName,
} from '#spec'
import {
  type Commit,
  type OutsideRoomsReader,
  type OutsideRoomsWriter,
  type RoomRecord,
  type StoredEvent,
  type StrippedRoom,
  WriteConflict,
} from '#store'
import type { CheckedEvent } from '../receiving/index.ts'
import type { TakenElsewhere } from './elsewhere.ts'
import type { PduChecks } from './neighbours.ts'
import { strippedTexts } from './told-rooms.ts'

export interface OutsideRoomsParts {
  readonly reader: OutsideRoomsReader
  readonly writer: OutsideRoomsWriter
  readonly commit: Commit
  readonly checks: PduChecks
  readonly filling: { readonly clock: Clock; readonly random: Random; readonly key: SigningKey }
}

/** The events of rooms that this server is not in: invites and knocks of its users, and their ends. Nothing else of such a room is kept. */
export class OutsideRooms {
  readonly #parts: OutsideRoomsParts

  constructor(parts: OutsideRoomsParts) {
    this.#parts = parts
  }

  /** The server that told of the room with an invite or a knock. */
  async toldBy(own: StoredEvent): Promise<ServerName | undefined> {
    return (await this.#parts.reader.strippedRoom(own.event))?.server
  }

  /** Keeps an invite, and tells its user. Throws `M_FORBIDDEN` if the user is in the room. */
  async invited(version: RoomVersion, event: CheckedEvent, told: StrippedRoom): Promise<void> {
    await this.#put(version, event, { membership: 'invite', told })
  }

  async knocked({ version, built, by, answer }: TakenElsewhere): Promise<void> {
    const texts = await this.#knockState(version, built.event.roomId, answer)
    await this.#put(version, built, { membership: 'knock', told: { server: by, texts } })
  }

  async left({ version, built }: TakenElsewhere): Promise<void> {
    await this.#put(version, built, { membership: 'leave' })
  }

  /** Ends an invite or a knock as the room says. Throws `M_FORBIDDEN` if it is another one meanwhile. */
  async ended(
    version: RoomVersion,
    event: CheckedEvent,
    end: { readonly membership: 'leave' | 'ban'; readonly replaces: EventId },
  ): Promise<void> {
    await this.#put(version, event, end)
  }

  /** Ends an invite or a knock for this server alone, as no other one could be told. */
  async leftAlone(own: StoredEvent, record: RoomRecord, content: JsonObject): Promise<EventId> {
    const { clock, random, key } = this.#parts.filling
    const version = ROOM_VERSIONS.get(record.version)
    const hash = version === undefined ? undefined : referenceHash(version, JSON.parse(own.json) as Pdu)
    if (version === undefined || hash?.ok !== true) throw new MatrixError('M_UNKNOWN', 'The invite cannot be answered')
    const userId = own.stateKey as TakenElsewhere['built']['event']['sender']
    const built = buildEvent(
      version,
      {
        roomId: own.roomId,
        type: 'm.room.member',
        sender: userId,
        stateKey: userId,
        content: { ...content, membership: 'leave' },
        originServerTs: clock.nowMs(),
        depth: Math.min(own.depth + 1, Number.MAX_SAFE_INTEGER),
        prevEvents: [own.eventId],
        authEvents: [own.eventId],
        ...(version.eventId === 'given'
          ? {
              eventId: `$${random.token(18)}:${key.serverName}` as EventId,
              referenceHashes: new Map([[own.eventId, hash.value]]),
            }
          : {}),
      },
      key,
    )
    if (!built.ok) throw new MatrixError('M_BAD_JSON', `Not a valid event: ${built.failure.reason}`)
    await this.#put(version, built.value, { membership: 'leave', replaces: own.eventId })
    return built.value.eventId
  }

  /** The state that came with an answer to a knock; the knock counts whatever is wrong with it. */
  async #knockState(version: RoomVersion, roomId: RoomId, answer: unknown): Promise<readonly string[]> {
    const list = isJsonObject(answer) ? (answer.knock_room_state ?? answer.knock_state_events) : undefined
    try {
      return await strippedTexts(list, { version, roomId, checks: this.#parts.checks })
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      return []
    }
  }

  async #put(
    version: RoomVersion,
    { event, json }: CheckedEvent,
    rest: { readonly membership: Membership; readonly told?: StrippedRoom; readonly replaces?: EventId },
  ): Promise<void> {
    const { writer, commit } = this.#parts
    const { eventId, roomId, type, stateKey, sender, originServerTs, depth, prevEvents, authEvents } = event
    const stored = { eventId, type, stateKey, sender, originServerTs, depth, json, prevEvents, authEvents }
    try {
      await commit([writer.put({ roomId, version: version.id, event: stored, ...rest })])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      // The same event again.
      if (error.kind === 'event-exists') return
      throw new MatrixError('M_FORBIDDEN', 'The membership has changed meanwhile', { cause: error })
    }
  }
}
