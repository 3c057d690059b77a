import { type Clock, type Logger, yieldToEventLoop } from '#base'
import { type JsonObject, MatrixError, type Pdu, type RoomId, stringAt, type UserId } from '#spec'
import type { BanPlace, MembersReader, RoomNumber, RoomStateReader, RoomUpgrade, StateEntryName } from '#store'
import type { Rooms } from '../turns/rooms.ts'
import type { RoomTurn } from '../turns/turn.ts'
import { COPIED_IN_PIECES } from './contents.ts'

export interface CopiedStateParts {
  readonly rooms: Pick<Rooms, 'turn'>
  readonly reader: MembersReader & RoomStateReader
  readonly clock: Clock
  readonly logger: Logger
}

/** Entries read at a time, and made in one turn of the new room. */
const ENTRIES_A_TURN = 100
/** The work of reading, signing and writing before the event loop gets a turn, in UTF-16 units; each event counts as some in itself. */
const WORK_A_SLICE = 64 * 1024
const EVENT_WORK = 6 * 1024
/** The page of one type ends before this name: nothing that clients can send lies between the two. */
const END = '\u0001'

interface StoredEntry extends StateEntryName {
  readonly json: string
}

export interface CopiedEntry extends StateEntryName {
  readonly content: JsonObject
}

/** Copies the state of which a room may have thousands of entries, bans first, in pieces. Entries that the new room has already are left as they are. */
export class CopiedState {
  readonly #parts: CopiedStateParts

  constructor(parts: CopiedStateParts) {
    this.#parts = parts
  }

  async copy({ room, replacementId, upgrader }: RoomUpgrade): Promise<void> {
    for await (const bans of this.#bans(room)) await this.#add(replacementId, upgrader, bans)
    for (const type of COPIED_IN_PIECES)
      for await (const entries of this.#entries(room, type)) await this.#add(replacementId, upgrader, entries)
  }

  /** Bans with their reasons (MSC4167). The banned people's profiles do not follow. */
  async *#bans(room: RoomNumber): AsyncGenerator<readonly StoredEntry[]> {
    for (let after: BanPlace = { position: 0, user: 0 }; ; ) {
      const page = await this.#parts.reader.bannedUsers(room, after, ENTRIES_A_TURN)
      const last = page.at(-1)
      if (last === undefined) return
      after = last.place
      yield page.map(({ userId, json }) => ({ type: 'm.room.member', stateKey: userId, json }))
    }
  }

  async *#entries(room: RoomNumber, type: string): AsyncGenerator<readonly StoredEntry[]> {
    for (let after: StateEntryName = { type, stateKey: '' }; ; ) {
      const query = { after, beforeType: type + END, limit: ENTRIES_A_TURN }
      const page = await this.#parts.reader.stateInForce(room, query)
      const last = page.at(-1)
      if (last === undefined) return
      after = last.change
      yield page.map(({ change: { stateKey }, event: { json } }) => ({ type, stateKey, json }))
    }
  }

  async #add(roomId: RoomId, sender: UserId, entries: readonly StoredEntry[]): Promise<void> {
    await this.#parts.rooms.turn(roomId, async (turn) => {
      let work = 0
      for (const { type, stateKey, json } of entries) {
        if ((await turn.state(type, stateKey)) !== undefined) continue
        const content = type === 'm.room.member' ? banIn(json) : contentOf(json)
        if (Object.keys(content).length > 0)
          await addUnlessRefused(turn, sender, { type, stateKey, content }, this.#parts.logger)
        work += json.length + EVENT_WORK
        if (work < WORK_A_SLICE) continue
        work = 0
        await yieldToEventLoop(this.#parts.clock)
      }
    })
  }
}

/** The ban alone: not the profile that the banned had. */
const banIn = (json: string): JsonObject => {
  const reason = stringAt(contentOf(json), 'reason')
  return { membership: 'ban', ...(reason === undefined ? {} : { reason }) }
}

export const contentOf = (json: string): JsonObject => (JSON.parse(json) as Pdu).content

/** Adds state to the turn. What the room refuses, or cannot hold, is left out: the rest is more use than nothing. */
export const addUnlessRefused = async (
  turn: RoomTurn,
  sender: UserId,
  { type, stateKey, content }: CopiedEntry,
  logger: Logger,
): Promise<void> => {
  try {
    await turn.add({ type, stateKey, sender, content })
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
    logger.info({ roomId: turn.roomId, type, reason: error.message }, 'an upgrade left out some state')
  }
}
