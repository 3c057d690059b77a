import type { Soon } from '#base'
import { ALL_PROFILE_FIELDS, type ProfileFields, profileFieldsOf } from '#rules'
import { type JsonObject, MatrixError } from '#spec'
import type { ProfileChangesReader, RoomNumber } from '#store'
import type { News } from '#streams'
import type { ProfileChanges, ProfileNews, ProfilesWindow } from '../../people/profile-changes.ts'
import { slidingProfileText } from '../../people/profiles-text.ts'
import { type ExtensionAnswer, type ExtensionWindow, NO_NEWS, type SlidingExtension } from '../extension.ts'
import type { WireForm } from '../request.ts'
import { ChosenRooms, type RoomChoice, readRoomChoice } from './room-choice.ts'

export interface ProfilesExtensionParts {
  readonly reader: Pick<ProfileChangesReader, 'cut'>
  readonly changes: Pick<ProfileChanges, 'mayHaveNews' | 'beginsAnew' | 'gone' | 'later' | 'membersOf' | 'whole'>
}

interface ProfilesConfig {
  readonly choice: RoomChoice
  readonly fields: ProfileFields
}

const MAX_FIELDS = 100
const MAX_KEY_LENGTH = 255
/** The most changes of one answer; the rest is for the next one. */
const CHANGES_AT_ONCE = 2_000
/** The most of profiles that come with rooms: the proposal lets a server leave some away. */
const MOST_USERS = 1_000
const MOST_LENGTH = 1024 * 1024

/**
 * `org.matrix.msc4262.profiles` (MSC4262), as the SDK of Element X asks for it. The profiles of a room's members come when the room first comes into scope, and those of
 * people whom the user meets; then each change of anybody who shares a room, in scope or not. A client that asks for other fields than before begins anew.
 */
export class ProfilesExtension implements SlidingExtension<ProfilesConfig> {
  readonly name = 'org.matrix.msc4262.profiles'
  readonly #parts: ProfilesExtensionParts

  constructor(parts: ProfilesExtensionParts) {
    this.#parts = parts
  }

  parse(member: JsonObject, form: WireForm): ProfilesConfig | undefined {
    const choice = readRoomChoice(member, form)
    const fields = choice === undefined ? undefined : fieldsIn(member)
    return choice === undefined || fields === undefined ? undefined : { choice, fields }
  }

  /** Only people who come and go concern it of all that happens in rooms: that news names users. */
  concerns({ stream, users }: News): boolean {
    return stream === 'profiles' || (stream === 'events' && users.length > 0)
  }

  read(config: ProfilesConfig, window: ExtensionWindow): Soon<ExtensionAnswer> {
    const isQuiet = window.scope.entered.size === 0 && isUnmoved(window, config.fields)
    return isQuiet ? { ...NO_NEWS, reached: { profileFields: config.fields.mark } } : this.#read(config, window)
  }

  async #read({ choice, fields }: ProfilesConfig, window: ExtensionWindow): Promise<ExtensionAnswer> {
    const upTo = await this.#upTo(window)
    const now = { ...window.now, profiles: upTo }
    const rooms = await window.rooms()
    const events = await window.events()
    const asked: ProfilesWindow = { ...window, now, rooms, events, fields }
    const chosen = new ChosenRooms(window.scope, choice)
    const told = new ToldProfiles()
    const begins = await this.#parts.changes.beginsAnew(asked)
    if (begins) told.add(await this.#parts.changes.gone(asked))
    else if (this.#parts.changes.mayHaveNews(asked))
      for await (const news of this.#parts.changes.later(asked)) told.add(news)
    const entered = begins ? [...chosen.joined().all()] : newIn(chosen)
    if (begins || entered.length > 0) await this.#addMembers(asked, entered, told)
    const reached = { profileFields: fields.mark, profiles: upTo }
    if (told.size === 0) return { text: undefined, isNews: upTo < window.now.profiles, reached }
    return { text: told.text(), isNews: true, reached }
  }

  /** Bounds what is held at a time. A beginning has no changes, only what is there. */
  async #upTo({ since, now }: ExtensionWindow): Promise<number> {
    if (since === undefined) return now.profiles
    return this.#parts.reader.cut({ after: since.profiles, upTo: now.profiles }, CHANGES_AT_ONCE)
  }

  async #addMembers(window: ProfilesWindow, rooms: readonly RoomNumber[], told: ToldProfiles): Promise<void> {
    const { changes } = this.#parts
    for await (const users of changes.membersOf(window, rooms)) {
      if (told.size >= MOST_USERS || told.length >= MOST_LENGTH) return
      told.add(await changes.whole(window, users, window.since !== undefined))
    }
  }
}

/** The rooms that the connection never had, as far as the user is in them. */
const newIn = (chosen: ChosenRooms): readonly RoomNumber[] => {
  const joined = chosen.joined()
  return [...chosen.entered()].filter(([room, known]) => known === undefined && joined.has(room)).map(([room]) => room)
}

const isUnmoved = ({ since, now }: ExtensionWindow, { mark }: ProfileFields): boolean =>
  since?.profileFields === mark &&
  since.profiles >= now.profiles &&
  since.events >= now.events &&
  since.accountData >= now.accountData

/** undefined where none is left to ask for. Throws `M_INVALID_PARAM`. */
const fieldsIn = ({ fields }: JsonObject): ProfileFields | undefined => {
  if (fields === undefined || fields === null) return ALL_PROFILE_FIELDS
  if (!Array.isArray(fields) || fields.length > MAX_FIELDS || !fields.every(isKey))
    throw new MatrixError('M_INVALID_PARAM', `fields of profiles is no list of at most ${MAX_FIELDS} names`)
  return profileFieldsOf(fields)
}

const isKey = (key: unknown): key is string => typeof key === 'string' && key.length <= MAX_KEY_LENGTH

/** The profiles of one answer, each user once. */
class ToldProfiles {
  readonly #texts = new Map<string, string>()
  length = 0

  get size(): number {
    return this.#texts.size
  }

  add(news: readonly ProfileNews[]): void {
    for (const one of news) {
      const text = slidingProfileText(one)
      this.length += text.length
      this.#texts.set(one.userId, text)
    }
  }

  text(): string {
    return `{"users":{${[...this.#texts.values()].join()}}}`
  }
}
