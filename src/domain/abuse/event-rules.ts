import type { Slice } from '#base'
import { compileWordGlob, foldText, type GlobMatcher } from '#rules'
import { isJsonObject, type JsonObject, type JsonValue, type RoomEvent } from '#spec'

/** The rules of the policy server, as the operator wrote them. */
export interface EventRulesSettings {
  /** Words and globs. */
  readonly forbidden: readonly string[]
  /** undefined: no limit. */
  readonly maxLinks: number | undefined
  readonly maxMentions: number | undefined
  /** Accounts younger than this send no media; 0: all may. */
  readonly mediaAge: number
  /** Types of events that are not looked into. */
  readonly unchecked: readonly string[]
}

/** More than an event of 64 KiB says, unless it is of characters that stand for many others: then a step would take too long. */
const MAX_TEXT = 128 * 1024
const MEDIA_TYPES: readonly unknown[] = ['m.image', 'm.video', 'm.audio', 'm.file']

/** Decides on what one event says. The time is linear in the event, for each word that is forbidden. */
export class EventRules {
  readonly #settings: EventRulesSettings
  readonly #unchecked: ReadonlySet<string>
  readonly #forbidden: readonly GlobMatcher[]

  constructor(settings: EventRulesSettings) {
    this.#settings = settings
    this.#unchecked = new Set(settings.unchecked)
    this.#forbidden = settings.forbidden.map((pattern) => compileWordGlob(plain(pattern)))
  }

  /** Returns what is wrong with the event; undefined: nothing. `ageMs` tells how old its sender's account is, and is asked for media alone. */
  async problemOf(
    { type, stateKey, content }: Pick<RoomEvent, 'type' | 'stateKey' | 'content'>,
    ageMs: () => Promise<number>,
    slice: Slice,
  ): Promise<string | undefined> {
    const { maxLinks, maxMentions, mediaAge } = this.#settings
    if (this.#unchecked.has(type)) return undefined
    // Nobody is to be kept in a room, or kept from moderating it.
    if (type === 'm.room.member' && (content.membership === 'leave' || content.membership === 'ban')) return undefined
    const texts = type === 'm.room.encrypted' ? [] : textsIn(content)
    const whole = plain(texts.join('\n'))
    if (whole.length > MAX_TEXT) return 'Its text is too long to be checked'
    if (maxLinks !== undefined && linksIn(whole) > maxLinks) return 'It has too many links'
    if (maxMentions !== undefined && stateKey === undefined && mentionsIn(whole, content) > maxMentions)
      return 'It mentions too many people'
    if (mediaAge > 0 && stateKey === undefined && isMedia(type, content, whole) && (await ageMs()) < mediaAge)
      return 'New accounts cannot send media here yet'
    if (await this.#isForbidden(whole, slice)) return 'It says something that is not allowed here'
    return undefined
  }

  async #isForbidden(whole: string, slice: Slice): Promise<boolean> {
    if (this.#forbidden.length === 0) return false
    // Formatting must not hide a word, and must not make one either: both readings count.
    const bare = whole.replaceAll(TAG, '')
    const readings = [foldText(whole), ...(bare === whole ? [] : [foldText(bare)])]
    for (const matches of this.#forbidden) {
      for (const text of readings) {
        if (slice.isOver()) await slice.next()
        if (matches(text, { left: Number.POSITIVE_INFINITY })) return true
      }
    }
    return false
  }
}

const TAG = /<[^<>]*>/g
const INVISIBLE = /\p{Cf}/gu

/** The text as people read it: letters that look the same are the same, and nothing invisible is between them. */
const plain = (text: string): string => text.toWellFormed().normalize('NFKC').replaceAll(INVISIBLE, '')

/** All texts in the content, wherever they stand; what names other events is none. */
const textsIn = (content: JsonObject): readonly string[] => {
  const { 'm.relates_to': _, ...spoken } = content
  const texts: string[] = []
  const open: (JsonValue | undefined)[] = [spoken]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value === 'string') texts.push(value)
    else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) open.push(inner)
  }
  return texts
}

const LINK = /\b(?:https?:\/\/|www\.)[^\s<>"'\\^`{|}]+/gi
const MENTION_LINK = /^https?:\/\/matrix\.to\/#?\/?(?:@|%40)/i
const AFTER_LINK = '.,;:!?)]*_/'

/** How many different links there are. Those that mention a user count as mentions. */
const linksIn = (whole: string): number => {
  const links = new Set<string>()
  for (const [found] of whole.matchAll(LINK)) {
    let end = found.length
    while (end > 0 && AFTER_LINK.includes(found[end - 1] ?? '')) end--
    if (!MENTION_LINK.test(found)) links.add(found.slice(0, end).toLowerCase())
  }
  return links.size
}

const USER_ID = /@[a-z0-9._=/+-]{1,255}:[a-z0-9.-]{1,230}(?::\d{1,5})?/gi

/** How many users are named, in `m.mentions` or in the texts. */
const mentionsIn = (whole: string, content: JsonObject): number => {
  const decoded = whole.replaceAll('%40', '@').replaceAll(/%3a/gi, ':')
  const users = new Set([...decoded.matchAll(USER_ID)].map(([found]) => found.toLowerCase().replace(/[.-]{1,9}$/, '')))
  const mentions = content['m.mentions']
  const named = isJsonObject(mentions) ? mentions.user_ids : undefined
  for (const userId of Array.isArray(named) ? named : []) users.add(String(userId).toLowerCase())
  return users.size
}

const isMedia = (type: string, content: JsonObject, whole: string): boolean =>
  type === 'm.sticker' || MEDIA_TYPES.includes(content.msgtype) || whole.toLowerCase().includes('mxc://')
