import { type Clock, type TextPieces, yieldToEventLoop } from '#base'
import { type EventId, MatrixError, type Membership, type Pdu, type RoomId, stringAt, type UserId } from '#spec'
import type { AliasesReader, EventsReader, MembersReader, RoomNumber, RoomStateReader, StoredEvent } from '#store'
import type { Streams } from '#streams'
import type { ClientEvents } from '../events/client-event.ts'
import { creatorsAmong } from '../events/creators.ts'
import type { EventTexts } from '../events/event-texts.ts'
import { filterable } from '../events/filterable.ts'
import { oldContent } from '../events/old-event-form.ts'
import { type EventPages, type StreamedAnswer, streamedAnswer } from '../events/streamed-events.ts'
import type { RoomViewer } from '../events/viewer.ts'
import { memberPages, statePages } from '../known/state-pages.ts'
import type { RoomAccess, Visibility } from '../known/visibility.ts'
import { type OldPage, oldPageOf } from './old-page.ts'
import { positionOf } from './timeline-request.ts'

export interface MembersRequest {
  readonly roomId: RoomId
  /** A token; undefined for now. */
  readonly at: string | undefined
  readonly membership: Membership | undefined
  readonly notMembership: Membership | undefined
  /** Only for clients of 2015; others get all members. */
  readonly page?: OldPage | undefined
}

/** Members read at once where they are known by their ids. */
const READ_BY_ID = 100

/** A member event and its place in the order of pages. */
interface MemberPlace {
  readonly eventId: EventId
  readonly position: number
}

export interface RoomStatesParts {
  readonly reader: AliasesReader & EventsReader & MembersReader & RoomStateReader
  readonly visibility: Visibility
  readonly clientEvents: ClientEvents
  readonly texts: EventTexts
  readonly clock: Clock
  readonly streams: Pick<Streams, 'reach'>
}

/**
 * The state of rooms as users may read it: members as it is now, former members as it was when they left, anybody where the room is
 * `world_readable`. Answers are JSON texts. All throw `M_FORBIDDEN` for rooms the user may not read.
 */
export class RoomStates {
  readonly #reader: AliasesReader & EventsReader & MembersReader & RoomStateReader
  readonly #visibility: Visibility
  readonly #events: ClientEvents
  readonly #eventTexts: EventTexts
  readonly #clock: Clock
  readonly #streams: Pick<Streams, 'reach'>

  constructor({ reader, visibility, clientEvents, texts, clock, streams }: RoomStatesParts) {
    this.#reader = reader
    this.#visibility = visibility
    this.#events = clientEvents
    this.#eventTexts = texts
    this.#clock = clock
    this.#streams = streams
  }

  /** `GET /state`: a list of events. */
  async all(roomId: RoomId, viewer: RoomViewer): Promise<TextPieces> {
    const { record, upTo = record.lastPosition } = await this.#visibility.access(roomId, viewer.userId)
    const { room } = record
    const pages = statePages(this.#reader, room, { at: upTo, members: true })
    return this.#pieces(room, viewer, { head: '[', pages, tail: ']' })
  }

  /** `GET /state/{eventType}/{stateKey}`: the content, or the whole event. Throws `M_NOT_FOUND`. */
  async one(
    roomId: RoomId,
    entry: { readonly type: string; readonly stateKey: string },
    format: 'content' | 'event',
    viewer: RoomViewer,
  ): Promise<string> {
    const access = await this.#visibility.access(roomId, viewer.userId)
    const event = await this.#reader.stateEvent(access.record.room, whenOf(access), entry.type, entry.stateKey)
    if (event === undefined) throw new MatrixError('M_NOT_FOUND', 'The room has no such state')
    if (format === 'event') return this.#texts([event], viewer)
    const content = this.#events.content(event)
    if (viewer.form !== 'old') return JSON.stringify(content)
    return JSON.stringify(oldContent(event, content, await creatorsAmong([event], this.#reader)))
  }

  /**
   * `GET /members`. Given both, `membership` and `not_membership` are alternatives. Throws `M_FORBIDDEN` for a moment of which the
   * user may see nothing.
   */
  async members(request: MembersRequest, viewer: RoomViewer): Promise<TextPieces> {
    const access = await this.#visibility.access(request.roomId, viewer.userId)
    const { room, lastPosition } = access.record
    const now = access.upTo ?? lastPosition
    const asked = positionOf(request.at)
    const at = Math.min(asked ?? now, now)
    if (asked !== undefined && asked < now && !(await this.#visibility.maySeeStateAt(room, at, viewer)))
      throw new MatrixError('M_FORBIDDEN', 'You may not see who was in the room then')
    const pages = wantedMembers(memberPages(this.#reader, room, at), request)
    if (request.page === undefined) return this.#pieces(room, viewer, { head: '{"chunk":[', pages, tail: ']}' })
    const all: MemberPlace[] = []
    for await (const page of pages) {
      for (const { eventId, position } of page) all.push({ eventId, position })
      await yieldToEventLoop(this.#clock)
    }
    const { items, start, end } = await oldPageOf(all, request.page, this.#streams)
    const head = `{"start":${JSON.stringify(start)},"end":${JSON.stringify(end)},"chunk":[`
    return this.#pieces(room, viewer, { head, pages: this.#byId(items), tail: ']}' })
  }

  /** `GET /joined_members`: for members only. */
  async joinedMembers(roomId: RoomId, viewer: RoomViewer): Promise<TextPieces> {
    const { record, membership } = await this.#visibility.access(roomId, viewer.userId)
    if (membership !== 'join') throw new MatrixError('M_FORBIDDEN', 'You are not in this room')
    return { begun: [], rest: this.#joinedTexts(record.room) }
  }

  async *#joinedTexts(room: RoomNumber): AsyncGenerator<string, void, undefined> {
    let after = ''
    let before = '{"joined":{'
    for (;;) {
      const page = await this.#reader.joinedMembers(room, after, JOINED_AT_ONCE)
      const last = page.at(-1)
      if (last === undefined) break
      yield `${before}${page.map(joinedText).join()}`
      before = ','
      after = last.userId
      await yieldToEventLoop(this.#clock)
    }
    yield `${before === ',' ? '' : before}}}`
  }

  /** `GET /aliases`: for members, and for anybody where the room is `world_readable`. */
  async aliases(roomId: RoomId, viewer: RoomViewer): Promise<readonly string[]> {
    const { record, membership } = await this.#visibility.access(roomId, viewer.userId)
    if (membership !== 'join' && !(await this.#visibility.isWorldReadable(record.room)))
      throw new MatrixError('M_FORBIDDEN', 'You are not in this room')
    return this.#reader.aliasesOf(record.room)
  }

  /** `GET /joined_rooms`. */
  async joinedRooms(userId: UserId): Promise<readonly RoomId[]> {
    const rooms = await this.#reader.roomsOfUser(userId)
    return rooms.flatMap(({ roomId, membership }) => (membership === 'join' ? [roomId] : []))
  }

  async #pieces(room: RoomNumber, viewer: RoomViewer, answer: Omit<StreamedAnswer, 'batch'>): Promise<TextPieces> {
    const visibility = await this.#visibility.inRoom(room, viewer)
    const batch = { viewer, form: viewer.form ?? 'full', visibility }
    return streamedAnswer({ ...answer, batch }, { texts: this.#eventTexts, clock: this.#clock })
  }

  async *#byId(members: readonly MemberPlace[]): EventPages {
    for (let start = 0; start < members.length; start += READ_BY_ID)
      yield await this.#reader.events(members.slice(start, start + READ_BY_ID).map(({ eventId }) => eventId))
  }

  #texts(events: readonly StoredEvent[], viewer: RoomViewer): Promise<string> {
    return this.#eventTexts.joined({ events, viewer, form: viewer.form ?? 'full' })
  }
}

const whenOf = ({ upTo }: RoomAccess): number | 'current' => upTo ?? 'current'

async function* wantedMembers(
  pages: EventPages,
  { membership, notMembership }: Pick<MembersRequest, 'membership' | 'notMembership'>,
): AsyncGenerator<readonly StoredEvent[], void, undefined> {
  const isWanted = (event: StoredEvent): boolean => {
    const is = stringAt(filterable(event).content, 'membership')
    return (membership !== undefined && is === membership) || (notMembership !== undefined && is !== notMembership)
  }
  const isAny = membership === undefined && notMembership === undefined
  for await (const page of pages) yield isAny ? page : page.filter(isWanted)
}

/** Joined members told in one slice of the event loop. */
const JOINED_AT_ONCE = 200

/** Bypasses the cache of client events: one pass over a large room's members must not displace everything else in it. */
const joinedText = ({ userId, json }: { readonly userId: UserId; readonly json: string }): string => {
  const { content } = JSON.parse(json) as Pdu
  const profile = { display_name: stringAt(content, 'displayname'), avatar_url: stringAt(content, 'avatar_url') }
  return `${JSON.stringify(userId)}:${JSON.stringify(profile)}`
}
