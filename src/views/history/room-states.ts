import { type Clock, type TextPieces, yieldToEventLoop } from '#base'
import { MatrixError, type Membership, type Pdu, type RoomId, stringAt, type UserId } from '#spec'
import type { AliasesReader, MembersReader, RoomNumber, RoomStateReader, StoredEvent } from '#store'
import type { Streams } from '#streams'
import type { ClientEvents } from '../events/client-event.ts'
import { creatorsAmong } from '../events/creators.ts'
import type { EventTexts } from '../events/event-texts.ts'
import { oldContent } from '../events/old-event-form.ts'
import type { RoomViewer } from '../events/viewer.ts'
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

export interface RoomStatesParts {
  readonly reader: AliasesReader & MembersReader & RoomStateReader
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
  readonly #reader: AliasesReader & MembersReader & RoomStateReader
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
  async all(roomId: RoomId, viewer: RoomViewer): Promise<string> {
    const access = await this.#visibility.access(roomId, viewer.userId)
    return `[${await this.#texts(await this.#reader.state(access.record.room, { at: whenOf(access) }), viewer)}]`
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
  async members(request: MembersRequest, viewer: RoomViewer): Promise<string> {
    const access = await this.#visibility.access(request.roomId, viewer.userId)
    const now = whenOf(access)
    const at = earlierOf(positionOf(request.at), now)
    if (at !== now && !(await this.#visibility.maySeeStateAt(access.record.room, at as number, viewer)))
      throw new MatrixError('M_FORBIDDEN', 'You may not see who was in the room then')
    const all = await this.#reader.state(access.record.room, { at, types: ['m.room.member'] })
    const { membership, notMembership } = request
    const wanted = all.filter((event) => {
      if (membership === undefined && notMembership === undefined) return true
      const is = stringAt(this.#events.content(event), 'membership')
      return (membership !== undefined && is === membership) || (notMembership !== undefined && is !== notMembership)
    })
    if (request.page === undefined) return `{"chunk":[${await this.#texts(wanted, viewer)}]}`
    const { events, start, end } = await oldPageOf(wanted, request.page, this.#streams)
    return `{"start":${JSON.stringify(start)},"end":${JSON.stringify(end)},"chunk":[${await this.#texts(events, viewer)}]}`
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

  #texts(events: readonly StoredEvent[], viewer: RoomViewer): Promise<string> {
    return this.#eventTexts.joined({ events, viewer, form: viewer.form ?? 'full' })
  }
}

const whenOf = ({ upTo }: RoomAccess): number | 'current' => upTo ?? 'current'

const earlierOf = (at: number | undefined, now: number | 'current'): number | 'current' => {
  if (at === undefined) return now
  return now === 'current' ? at : Math.min(at, now)
}

/** Joined members told in one slice of the event loop. */
const JOINED_AT_ONCE = 200

/** Bypasses the cache of client events: one pass over a large room's members must not displace everything else in it. */
const joinedText = ({ userId, json }: { readonly userId: UserId; readonly json: string }): string => {
  const { content } = JSON.parse(json) as Pdu
  const profile = { display_name: stringAt(content, 'displayname'), avatar_url: stringAt(content, 'avatar_url') }
  return `${JSON.stringify(userId)}:${JSON.stringify(profile)}`
}
