import type { Soon } from '#base'
import type { JsonObject } from '#spec'
import type { AccountDataReader, RoomNumber } from '#store'
import type { News } from '#streams'
import { accountDataText } from '../../events/account-data-text.ts'
import { accountDataPages } from '../../known/account-data-pages.ts'
import type { PushRules } from '../../unread/push-rules.ts'
import { type ExtensionAnswer, type ExtensionWindow, NO_NEWS, type SlidingExtension } from '../extension.ts'
import type { WireForm } from '../request.ts'
import { ChosenRooms, type RoomChoice, readRoomChoice } from './room-choice.ts'

export interface AccountDataExtensionParts {
  readonly reader: Pick<AccountDataReader, 'page' | 'since' | 'bytesInRooms'>
  readonly pushRules: Pick<PushRules, 'of'>
}

/** `account_data` (MSC4548): all that is global at first, push rules among it, and all of a room when it comes into scope; then what changes. */
export class AccountDataExtension implements SlidingExtension<RoomChoice> {
  readonly name = 'account_data'
  readonly aliases = ['org.matrix.msc4548.account_data']
  readonly #parts: AccountDataExtensionParts

  constructor(parts: AccountDataExtensionParts) {
    this.#parts = parts
  }

  parse(member: JsonObject, form: WireForm): RoomChoice | undefined {
    return readRoomChoice(member, form)
  }

  concerns({ stream }: News): boolean {
    return stream === 'accountData'
  }

  read(choice: RoomChoice, window: ExtensionWindow): Soon<ExtensionAnswer> {
    const { since, now, scope } = window
    const isQuiet = since !== undefined && since.accountData >= now.accountData && scope.entered.size === 0
    return isQuiet ? NO_NEWS : this.#read(choice, window)
  }

  async #read(choice: RoomChoice, window: ExtensionWindow): Promise<ExtensionAnswer> {
    const chosen = new ChosenRooms(window.scope, choice)
    const { global, rooms } =
      window.since === undefined ? await this.#all(window, chosen) : await this.#changed(window, chosen)
    const rules = await this.#changedPushRules(window)
    if (rules !== undefined) global.push(rules)
    if (global.length === 0 && rooms.size === 0) return NO_NEWS
    const byRoom: string[] = []
    for (const [room, texts] of rooms) byRoom.push(`${JSON.stringify(window.scope.roomId(room))}:[${texts.join()}]`)
    return { text: `{"global":[${global.join()}],"rooms":{${byRoom.join()}}}`, isNews: true }
  }

  async #all({ viewer: { user } }: ExtensionWindow, chosen: ChosenRooms): Promise<Found> {
    const rooms = await this.#whole(user, [...chosen.all()])
    return { global: await this.#pages({ user, room: undefined, window: undefined }), rooms }
  }

  async #changed({ viewer: { user }, since, now, scope }: ExtensionWindow, chosen: ChosenRooms): Promise<Found> {
    const fresh: RoomNumber[] = []
    const rooms = new Map<RoomNumber, string[]>()
    for (const [room, known] of chosen.entered()) {
      if (known === undefined) fresh.push(room)
      else if (known.accountData < now.accountData)
        await this.#addPages(rooms, { user, room, window: { after: known.accountData, upTo: now.accountData } })
    }
    for (const [room, texts] of await this.#whole(user, fresh)) rooms.set(room, texts)
    const after = since?.accountData ?? 0
    if (after >= now.accountData) return { global: [], rooms }
    const changed = await this.#parts.reader.since(user, after, now.accountData)
    for (const entry of changed.rooms)
      if (!scope.entered.has(entry.room) && chosen.has(entry.room))
        textsOf(rooms, entry.room).push(accountDataText(entry))
    return { global: changed.global.map(accountDataText), rooms }
  }

  /** Everything in some rooms; most have nothing. */
  async #whole(user: number, rooms: readonly RoomNumber[]): Promise<Map<RoomNumber, string[]>> {
    const found = new Map<RoomNumber, string[]>()
    if (rooms.length === 0) return found
    const bytes = await this.#parts.reader.bytesInRooms(user, rooms)
    for (const room of rooms) if (bytes.has(room)) await this.#addPages(found, { user, room, window: undefined })
    return found
  }

  async #addPages(
    rooms: Map<RoomNumber, string[]>,
    want: Parameters<typeof accountDataPages>[1] & { room: RoomNumber },
  ) {
    const texts = await this.#pages(want)
    if (texts.length > 0) textsOf(rooms, want.room).push(...texts)
  }

  async #pages(want: Parameters<typeof accountDataPages>[1]): Promise<string[]> {
    const texts: string[] = []
    for await (const page of accountDataPages(this.#parts.reader, want)) texts.push(...page.map(accountDataText))
    return texts
  }

  async #changedPushRules({ viewer, since, now }: ExtensionWindow): Promise<string | undefined> {
    if (since !== undefined && since.accountData >= now.accountData) return undefined
    const { position, contentJson } = await this.#parts.pushRules.of(viewer)
    const isChanged = since === undefined || (position > since.accountData && position <= now.accountData)
    return isChanged ? accountDataText({ type: 'm.push_rules', contentJson }) : undefined
  }
}

interface Found {
  readonly global: string[]
  readonly rooms: Map<RoomNumber, string[]>
}

const textsOf = (rooms: Map<RoomNumber, string[]>, room: RoomNumber): string[] => {
  const held = rooms.get(room)
  if (held !== undefined) return held
  const made: string[] = []
  rooms.set(room, made)
  return made
}
