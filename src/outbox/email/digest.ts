import { isJsonObject, type JsonObject, stringAt } from '#spec'
import type { RoomNumber } from '#store'
import type { Notice } from '../push/push-views.ts'

/** The kind of an event, in the words of a digest. `said` and `emote` have a text. */
export type EntryKind =
  | 'said'
  | 'emote'
  | 'encrypted'
  | 'hidden'
  | 'image'
  | 'video'
  | 'audio'
  | 'file'
  | 'sticker'
  | 'poll'
  | 'invite'
  | 'other'

export interface DigestEntry {
  readonly kind: EntryKind
  readonly sender: string
  readonly text: string
  readonly inThread: boolean
  readonly sentAtMs: number
  readonly eventId: string
}

export interface DigestRoom {
  readonly room: RoomNumber
  readonly roomId: string
  /** undefined for a room without a name. */
  readonly name: string | undefined
  readonly entries: readonly DigestEntry[]
  /** Position of its newest event in the digest. */
  readonly position: number
}

const MAX_TEXT = 400
const MAX_NAME = 80

/** Texts of others in a mail: one line of bounded length, without controls and marks that turn the direction of what follows. */
export const plain = (text: string, most = MAX_NAME): string => {
  const line = text
    .slice(0, most * 4)
    .replaceAll(/[\p{Cc}\p{Cs}\p{Co}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
  const letters = Array.from(line)
  return letters.length <= most ? line : `${letters.slice(0, most).join('')}…`
}

const MESSAGES: Readonly<Record<string, EntryKind>> = {
  'm.text': 'said',
  'm.notice': 'said',
  'm.emote': 'emote',
  'm.image': 'image',
  'm.video': 'video',
  'm.audio': 'audio',
  'm.file': 'file',
}

const kindOf = ({ type, content, userIsTarget, membership }: Notice): EntryKind => {
  switch (type) {
    case 'm.room.message':
      return MESSAGES[stringAt(content, 'msgtype') ?? ''] ?? 'said'
    case 'm.room.encrypted':
      return 'encrypted'
    case 'm.sticker':
      return 'sticker'
    case 'm.poll.start':
    case 'org.matrix.msc3381.poll.start':
      return 'poll'
    case 'm.room.member':
      return userIsTarget && membership === 'invite' ? 'invite' : 'other'
    default:
      return 'other'
  }
}

/** Clients of earlier versions put what they answer in front, quoted. */
const withoutQuote = (body: string): string => body.replace(/^(?:> [^\n]*\n)+\n?/, '')

const isInThread = (content: JsonObject): boolean => {
  const relation = content['m.relates_to']
  return isJsonObject(relation) && relation.rel_type === 'm.thread'
}

/** One event of a digest. `isEncrypted`: the room is, so nothing of its content leaves the server by mail. */
export const entryOf = (notice: Notice, isEncrypted: boolean): DigestEntry => {
  const { content, sender, senderDisplayName, sentAtMs, eventId } = notice
  const said = kindOf(notice)
  const kind = isEncrypted && said !== 'encrypted' && said !== 'invite' ? 'hidden' : said
  const hasText = kind === 'said' || kind === 'emote'
  return {
    kind,
    sender: plain(senderDisplayName ?? '') || plain(sender),
    text: hasText ? plain(withoutQuote((stringAt(content, 'body') ?? '').slice(0, 20_000)), MAX_TEXT) : '',
    inThread: isInThread(content),
    sentAtMs,
    eventId,
  }
}

/** A digest under work: events by room, each in the order in which they came. */
export class Digest {
  readonly #rooms = new Map<RoomNumber, { roomId: string; name: string | undefined; entries: DigestEntry[] }>()
  readonly #positions = new Map<RoomNumber, number>()
  size = 0

  add(notice: Notice, isEncrypted: boolean): void {
    const { room, roomId, roomName, roomAlias, position } = notice
    const name = plain(roomName ?? '') || plain(roomAlias ?? '') || undefined
    const held = this.#rooms.get(room) ?? { roomId, name, entries: [] }
    held.entries.push(entryOf(notice, isEncrypted))
    this.#rooms.set(room, held)
    this.#positions.set(room, position)
    this.size += 1
  }

  rooms(): readonly DigestRoom[] {
    return [...this.#rooms].map(([room, held]) => ({ room, ...held, position: this.#positions.get(room) ?? 0 }))
  }
}
