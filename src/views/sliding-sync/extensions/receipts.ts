import type { Soon } from '#base'
import type { JsonObject } from '#spec'
import type { Receipt, ReceiptsReader, RoomNumber } from '#store'
import type { News } from '#streams'
import { receiptsContent, receiptsText } from '../../events/receipts-text.ts'
import { type ExtensionAnswer, type ExtensionWindow, NO_NEWS, type SlidingExtension } from '../extension.ts'
import type { WireForm } from '../request.ts'
import { ChosenRooms, hasOnlyNewEvents, type RoomChoice, readRoomChoice } from './room-choice.ts'
import { roomsText } from './rooms-text.ts'

export interface ReceiptsExtensionParts {
  readonly reader: Pick<ReceiptsReader, 'since' | 'sinceIn' | 'ofUser' | 'onEvents'>
}

interface Rooms {
  has(room: RoomNumber): boolean
  all(): Iterable<RoomNumber>
}

/**
 * `receipts` (MSC4551). A room that the client has not had comes with the receipts on the events that it is shown, and with all of the user's own; a room that comes again with those that
 * moved meanwhile; the others with those that move.
 */
export class ReceiptsExtension implements SlidingExtension<RoomChoice> {
  readonly name = 'receipts'
  readonly aliases = ['org.matrix.msc4551.receipts']
  readonly #reader: ReceiptsExtensionParts['reader']

  constructor({ reader }: ReceiptsExtensionParts) {
    this.#reader = reader
  }

  parse(member: JsonObject, form: WireForm): RoomChoice | undefined {
    return readRoomChoice(member, form)
  }

  concerns({ stream }: News): boolean {
    return stream === 'receipts'
  }

  read(choice: RoomChoice, window: ExtensionWindow): Soon<ExtensionAnswer> {
    const { since, now, scope } = window
    const isQuiet = since !== undefined && since.receipts >= now.receipts && hasOnlyNewEvents(scope)
    return isQuiet ? NO_NEWS : this.#read(choice, window)
  }

  async #read(choice: RoomChoice, window: ExtensionWindow): Promise<ExtensionAnswer> {
    const { viewer, ignored, scope, form } = window
    const chosen = new ChosenRooms(scope, choice)
    const rooms = chosen.joined()
    const found = [
      ...(await this.#own(window, chosen, rooms)),
      ...(await this.#moved(window, chosen, rooms)),
      ...(await this.#onTimelines(window, rooms)),
    ]
    const byRoom = new Map<RoomNumber, Map<string, Receipt>>()
    for (const receipt of found) {
      if (receipt.userId !== viewer.userId && ignored.has(receipt.userId)) continue
      const held = byRoom.get(receipt.room)
      const key = `${receipt.type} ${receipt.userId} ${receipt.threadId ?? ''}`
      if (held === undefined) byRoom.set(receipt.room, new Map([[key, receipt]]))
      else held.set(key, receipt)
    }
    const textOf = form === 'legacy' ? receiptsText : receiptsContent
    const texts = [...byRoom].map(([room, receipts]) => [scope.roomId(room), textOf([...receipts.values()])] as const)
    return { text: roomsText(texts), isNews: texts.length > 0 }
  }

  /** All of the user's receipts in rooms that are new to the client, or in which the user is new. */
  #own({ viewer, since, scope }: ExtensionWindow, chosen: ChosenRooms, rooms: Rooms): Promise<readonly Receipt[]> {
    const fresh = new Set(since === undefined ? rooms.all() : [])
    for (const [room, known] of chosen.entered()) if (known === undefined && rooms.has(room)) fresh.add(room)
    for (const [room, { initial }] of scope.answered) if (initial && rooms.has(room)) fresh.add(room)
    return this.#reader.ofUser(viewer.user, [...fresh])
  }

  async #moved(window: ExtensionWindow, chosen: ChosenRooms, rooms: Rooms): Promise<readonly Receipt[]> {
    const { viewer, since, now, scope } = window
    if (since === undefined) return []
    const { entered } = scope
    const known: Rooms = {
      has: (room) => rooms.has(room) && !entered.has(room),
      all: () => [...rooms.all()].filter((room) => !entered.has(room)),
    }
    const moved = [...(await this.#reader.sinceIn(known, since.receipts, now.receipts, viewer.userId))]
    for (const [room, upTo] of chosen.entered())
      if (upTo !== undefined && rooms.has(room))
        moved.push(...(await this.#reader.since([room], upTo.receipts, now.receipts, viewer.userId)))
    return moved
  }

  /** Receipts on events that the client is shown without having waited for them. */
  async #onTimelines({ viewer, scope }: ExtensionWindow, rooms: Rooms): Promise<readonly Receipt[]> {
    const positions: number[] = []
    for (const [room, { initial, expanded, timeline }] of scope.answered)
      if ((initial || expanded) && rooms.has(room)) for (const { position } of timeline) positions.push(position)
    return this.#reader.onEvents(positions, viewer.userId)
  }
}
