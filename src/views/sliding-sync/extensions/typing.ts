import type { Soon } from '#base'
import type { JsonObject, UserId } from '#spec'
import type { News } from '#streams'
import type { StreamNews } from '../../known/stream-news.ts'
import type { ExtensionAnswer, ExtensionWindow, SlidingExtension } from '../extension.ts'
import { MAX_TYPING_IN } from '../position.ts'
import type { WireForm } from '../request.ts'
import { ChosenRooms, hasOnlyNewEvents, type RoomChoice, readRoomChoice } from './room-choice.ts'
import { roomsText } from './rooms-text.ts'

export interface TypingExtensionParts {
  readonly news: Pick<StreamNews, 'typing' | 'typingIn'>
}

/** `typing` (MSC4508): all who type in a room, whenever that changes, and when the room comes into scope. */
export class TypingExtension implements SlidingExtension<RoomChoice> {
  readonly name = 'typing'
  readonly aliases = ['org.matrix.msc4508.typing']
  readonly #news: TypingExtensionParts['news']

  constructor({ news }: TypingExtensionParts) {
    this.#news = news
  }

  parse(member: JsonObject, form: WireForm): RoomChoice | undefined {
    return readRoomChoice(member, form)
  }

  concerns({ stream }: News): boolean {
    return stream === 'typing'
  }

  read(choice: RoomChoice, window: ExtensionWindow): Soon<ExtensionAnswer> {
    return this.#isQuiet(window) ? NOBODY : this.#read(choice, window)
  }

  /** Nobody types anywhere, and nobody has stopped. */
  #isQuiet({ since, now, scope }: ExtensionWindow): boolean {
    if (since === undefined || since.typing < now.typing || (since.typingIn ?? []).length > 0) return false
    return hasOnlyNewEvents(scope) && this.#news.typingIn(() => true, []).length === 0
  }

  #read(choice: RoomChoice, window: ExtensionWindow): ExtensionAnswer {
    const { scope, form } = window
    const chosen = new ChosenRooms(scope, choice)
    const rooms = chosen.joined()
    const told = new Map(this.#news.typing(window, rooms))
    // A room that is told from its beginning may be one that the user comes back to.
    const again = [...scope.answered].flatMap(([room, { initial }]) => (initial ? [room] : []))
    const entered = [...[...chosen.entered()].map(([room]) => room), ...again].filter((room) => rooms.has(room))
    for (const [room, typing] of this.#news.typing(
      { ...window, since: undefined },
      { has: rooms.has, all: () => entered },
    ))
      told.set(room, typing)
    // Nothing says which rule a room matched before: where not all count, those with typists are told along.
    const isNarrow = choice.lists !== undefined || choice.rooms !== undefined
    const typists = isNarrow ? this.#news.typingIn(rooms.has, []) : []
    const along = this.#news.typing({ ...window, since: undefined }, { has: rooms.has, all: () => typists })
    // Rooms that are out of scope are told of when they come back: whoever typed there may have stopped meanwhile, and the client still shows them.
    const away = (window.since?.typingIn ?? []).filter((room) => !rooms.has(room))
    const texts = [...along, ...told].map(([room, userIds]) => [scope.roomId(room), textOf(form, userIds)] as const)
    return {
      text: roomsText(new Map(texts)),
      isNews: told.size > 0,
      typingIn: [...new Set([...this.#news.typingIn(rooms.has, told), ...away])].slice(0, MAX_TYPING_IN),
    }
  }
}

const NOBODY: ExtensionAnswer = { text: undefined, isNews: false, typingIn: [] }

const textOf = (form: WireForm, userIds: readonly UserId[]): string => {
  const content = JSON.stringify({ user_ids: userIds })
  return form === 'legacy' ? `{"type":"m.typing","content":${content}}` : content
}
