import { type Clock, type Soon, yieldToEventLoop } from '#base'
import type { RoomNumber, RoomStateReader, StoredEvent } from '#store'
import { withAllMembers } from '../../known/all-members.ts'
import { type InvitesShown, isInviteShown } from '../../known/invites-shown.ts'
import { type MembershipInWindow, membershipInWindow } from '../../known/membership-in-window.ts'
import { RoomHeads } from '../../known/room-heads.ts'
import { NO_ROOM_NEWS, type RoomNews, type StreamNews, type WindowNews } from '../../known/stream-news.ts'
import { timelineLimit } from '../../known/timeline-in-window.ts'
import type { Piece, StreamedPart, SyncWindow } from '../request.ts'
import type { RoomText, RoomTexts } from './room-texts.ts'

export interface RoomsPartParts {
  readonly clock: Clock
  readonly reader: RoomStateReader
  readonly news: Pick<StreamNews, 'ofRooms'>
  readonly heads: Pick<RoomHeads, 'open'>
  readonly texts: RoomTexts
  readonly invites: InvitesShown
}

const SECTIONS = ['join', 'invite', 'knock', 'leave'] as const
type Section = (typeof SECTIONS)[number]

/** Rooms answered in one slice of the event loop. */
const ROOMS_A_SLICE = 5
/** Memberships looked at in one. */
const MEMBERS_A_SLICE = 50
/** Rooms whose receipts and account data are read together. */
const ROOMS_AT_ONCE = 20
/** All members of smaller rooms are read together with the rooms. */
const FEW_MEMBERS = 30
const FEW_MEMBERS_LAZILY = 8
const PIECE_LENGTH = 32 * 1024

/** `rooms`: what is new in the rooms that the user is joined to, is invited to, knocks at, or left. */
export class RoomsPart implements StreamedPart {
  readonly empty = '"rooms":{"join":{},"invite":{},"knock":{},"leave":{}}'
  readonly #parts: RoomsPartParts

  constructor(parts: RoomsPartParts) {
    this.#parts = parts
  }

  async *pieces(window: SyncWindow): AsyncGenerator<Piece, void, undefined> {
    const { clock } = this.#parts
    const members = await this.#members(window)
    if (SECTIONS.every((section) => members[section].length === 0)) {
      yield { text: this.empty, isNews: false }
      return
    }
    let text = '"rooms":{'
    let isNews = false
    let count = 0
    for (const section of SECTIONS) {
      text += `${section === 'join' ? '' : ','}"${section}":{`
      if (members[section].length === 0) {
        text += '}'
        continue
      }
      let comma = ''
      for await (const { member, news } of this.#withNews(window, members[section])) {
        const made = await this.#room(window, member, news)
        let before = `${comma}${JSON.stringify(member.record.roomId)}:`
        if (typeof made === 'string') text += `${before}${made}`
        else if (made !== undefined) {
          for await (const piece of made) {
            text += `${before}${piece}`
            before = ''
            if (text.length < PIECE_LENGTH) continue
            yield { text, isNews: true }
            text = ''
            await yieldToEventLoop(clock)
          }
        }
        if (made !== undefined) comma = ','
        isNews ||= made !== undefined
        const isDue = ++count % ROOMS_A_SLICE === 0
        if (text.length >= PIECE_LENGTH) {
          yield { text, isNews }
          text = ''
        } else if (!isDue) continue
        await yieldToEventLoop(clock)
      }
      text += '}'
    }
    yield { text: `${text}}`, isNews }
  }

  /** One room alone has news, of which the user was a member before, and it is no state. */
  brief(window: SyncWindow): Soon<Piece | undefined> {
    const { since, now, viewer, filter, rooms, fullState, news } = window
    const [room, ...others] = fullState || news.changed === undefined ? [] : candidates(window)
    const record = room === undefined ? undefined : rooms.get(room)
    if (since === undefined || record === undefined || others.length > 0 || !filter.room(record.roomId))
      return undefined
    const events = eventsOf(window, record.room)
    if (events === undefined || events.some(({ stateKey }) => stateKey !== undefined)) return undefined
    if (record.membership !== 'join' || record.position > since.events) return undefined
    if ((record.membersSince ?? 0) > since.events) return undefined
    const positions = { userId: viewer.userId, after: since.events, upTo: now.events }
    const member = membershipInWindow(record, positions, this.#parts.reader)
    if (member instanceof Promise || member === undefined) return undefined
    const made = this.#parts.texts.joined(window, member, events, news.rooms.get(record.room) ?? NO_ROOM_NEWS)
    return made instanceof Promise
      ? made.then((text) => this.#alone(record.roomId, text))
      : this.#alone(record.roomId, made)
  }

  #alone(roomId: string, made: RoomText | undefined): Piece | undefined {
    if (made === undefined) return { text: this.empty, isNews: false }
    if (typeof made !== 'string') return undefined
    return {
      text: `"rooms":{"join":{${JSON.stringify(roomId)}:${made}},"invite":{},"knock":{},"leave":{}}`,
      isNews: true,
    }
  }

  /** The rooms that may have news, by the section that they would be in. */
  async #members(window: SyncWindow): Promise<Readonly<Record<Section, readonly MembershipInWindow[]>>> {
    const { clock, reader } = this.#parts
    const { rooms, filter, viewer, since, now } = window
    const sections: Record<Section, MembershipInWindow[]> = { join: [], invite: [], knock: [], leave: [] }
    const positions = { userId: viewer.userId, after: since?.events, upTo: now.events }
    let count = 0
    for (const room of candidates(window)) {
      const record = rooms.get(room)
      if (record === undefined || !filter.room(record.roomId)) continue
      const found = membershipInWindow(record, positions, reader)
      const known = found instanceof Promise ? await found : found
      const member = known === undefined || filter.state.lazyLoadMembers ? known : withAllMembers(known, window)
      if (member !== undefined) sections[member.membership === 'ban' ? 'leave' : member.membership].push(member)
      if (++count % MEMBERS_A_SLICE === 0) await yieldToEventLoop(clock)
    }
    return sections
  }

  /** Where everything is told, the news is read for a few rooms at a time. */
  async *#withNews(window: SyncWindow, members: readonly MembershipInWindow[]) {
    const { since, fullState, news } = window
    const isWhole = since === undefined || fullState
    const limit = timelineLimit(window.filter.timeline) + 1
    const size = isWhole ? Math.min(ROOMS_AT_ONCE, RoomHeads.roomsAtOnce(limit)) : members.length
    for (let start = 0; start < members.length; start += size) {
      const next = members.slice(start, start + size)
      const numbers = next.map(({ record: { room } }) => room)
      const found = isWhole ? await this.#parts.news.ofRooms(window, numbers, news.rooms) : news.rooms
      const close = isWhole ? await this.#openHeads(window, next, limit) : undefined
      try {
        for (const member of next) {
          const held = !isWhole && isNewlyJoined(member) ? await this.#fromBeginning(window, member) : found
          yield { member, news: held.get(member.record.room) ?? NO_ROOM_NEWS }
        }
      } finally {
        close?.()
      }
    }
  }

  /** Joined rooms are read for several at once. */
  #openHeads(
    { viewer, filter }: SyncWindow,
    members: readonly MembershipInWindow[],
    limit: number,
  ): Promise<() => void> | undefined {
    const rooms = members.filter(({ membership }) => membership === 'join').map(({ record: { room } }) => room)
    if (rooms.length === 0) return undefined
    const fewMembers = filter.state.lazyLoadMembers ? FEW_MEMBERS_LAZILY : FEW_MEMBERS
    return this.#parts.heads.open({ rooms, limit, user: viewer.userId, fewMembers })
  }

  /** A room that is new to the user comes with all receipts and account data that there are, whenever they were set. */
  #fromBeginning(window: SyncWindow, { record: { room } }: MembershipInWindow): Promise<WindowNews['rooms']> {
    return this.#parts.news.ofRooms({ ...window, since: undefined }, [room], new Map())
  }

  /** undefined where there is no news. */
  async #room(window: SyncWindow, member: MembershipInWindow, news: RoomNews): Promise<RoomText | undefined> {
    const { texts } = this.#parts
    const { record, membership } = member
    switch (membership) {
      case 'join':
        return texts.joined(window, member, eventsOf(window, record.room), news)
      case 'invite':
      case 'knock':
        if (!isNew(window, member)) return undefined
        if (membership === 'invite' && !(await this.#isShown(window, member))) return undefined
        return texts.stripped(window, member, `${membership}_state`)
      case 'leave':
      case 'ban':
        if (!isLeftListed(window, member)) return undefined
        return record.forgotten ? texts.forgotten(window, member) : texts.left(window, member, news)
    }
  }

  async #isShown({ viewer }: SyncWindow, { record, position }: MembershipInWindow): Promise<boolean> {
    const { reader, invites } = this.#parts
    if (await invites.showsAll(viewer.user)) return true
    const invite = await reader.stateEvent(record.room, position, 'm.room.member', viewer.userId)
    return invite === undefined || isInviteShown(invites, viewer.user, invite.sender)
  }
}

/** The room's new events; undefined where memory does not reach back far enough. */
const eventsOf = ({ news: { events } }: SyncWindow, room: RoomNumber): readonly StoredEvent[] | undefined =>
  events && (events.get(room) ?? [])

/** Rooms that may have news: all of them only where everything is told. */
const candidates = ({ fullState, rooms, news }: SyncWindow): Iterable<RoomNumber> =>
  fullState || news.changed === undefined ? rooms.keys() : new Set([...news.changed, ...news.rooms.keys()])

const isNewlyJoined = ({ membership, changed, throughout }: MembershipInWindow): boolean =>
  membership === 'join' && changed && !throughout

const isNew = ({ since, fullState }: SyncWindow, { changed, position }: MembershipInWindow): boolean =>
  since === undefined || fullState || (changed && position > since.events)

/** A device that did not see the user leave is told of it once, even if another one has forgotten the room meanwhile. */
const isLeftListed = (window: SyncWindow, member: MembershipInWindow): boolean => {
  const { since, filter } = window
  const { forgotten } = member.record
  if (!member.wasPresent) return false
  if (since === undefined) return filter.includeLeave && !forgotten
  return forgotten ? member.changed && member.position > since.events : isNew(window, member)
}
