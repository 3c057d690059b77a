import { type Clock, yieldToEventLoop } from '#base'
import type { RoomNumber, RoomStateReader } from '#store'
import { type MembershipInWindow, membershipInWindow } from '../../known/membership-in-window.ts'
import { NO_ROOM_NEWS } from '../../known/stream-news.ts'
import type { PartAnswer, SyncPart, SyncWindow } from '../request.ts'
import type { RoomTexts } from './room-texts.ts'

export interface RoomsPartParts {
  readonly clock: Clock
  readonly reader: RoomStateReader
  readonly texts: RoomTexts
}

type Section = 'join' | 'invite' | 'knock' | 'leave'

/** Rooms answered in one slice of the event loop. */
const ROOMS_A_SLICE = 5

/** `rooms`: what is new in the rooms that the user is joined to, is invited to, knocks at, or left. */
export class RoomsPart implements SyncPart {
  readonly empty = textOf(noRooms())
  readonly #parts: RoomsPartParts

  constructor(parts: RoomsPartParts) {
    this.#parts = parts
  }

  async look(window: SyncWindow): Promise<PartAnswer> {
    const { clock, reader } = this.#parts
    const { rooms, filter, viewer, since, now } = window
    const sections = noRooms()
    let isNews = false
    let count = 0
    for (const room of candidates(window)) {
      const record = rooms.get(room)
      if (record === undefined || !filter.room(record.roomId)) continue
      const positions = { userId: viewer.userId, after: since?.events, upTo: now.events }
      const member = await membershipInWindow(record, positions, reader)
      const found = member === undefined ? undefined : await this.#room(window, member)
      if (found !== undefined) {
        isNews = true
        sections[found.section].push(`${JSON.stringify(record.roomId)}:${found.text}`)
      }
      if (++count % ROOMS_A_SLICE === 0) await yieldToEventLoop(clock)
    }
    return { text: textOf(sections), isNews }
  }

  async #room(window: SyncWindow, member: MembershipInWindow): Promise<{ section: Section; text: string } | undefined> {
    const { texts } = this.#parts
    const { record, membership } = member
    const { events, rooms } = window.news
    const news = rooms.get(record.room) ?? NO_ROOM_NEWS
    switch (membership) {
      case 'join': {
        const held = events === undefined ? undefined : (events.get(record.room) ?? [])
        const text = await texts.joined(window, member, held, news)
        return text === undefined ? undefined : { section: 'join', text }
      }
      case 'invite': {
        if (!isNew(window, member) || (await this.#isFromIgnored(window, member))) return undefined
        return { section: 'invite', text: await texts.stripped(window, member, 'invite_state') }
      }
      case 'knock':
        return isNew(window, member)
          ? { section: 'knock', text: await texts.stripped(window, member, 'knock_state') }
          : undefined
      case 'leave':
      case 'ban': {
        if (!isLeftListed(window, member)) return undefined
        const text = record.forgotten
          ? await texts.forgotten(window, member)
          : await texts.left(window, member, news.accountData)
        return { section: 'leave', text }
      }
    }
  }

  /** Module "Ignoring users": invites of ignored users are not shown. */
  async #isFromIgnored({ ignored, viewer }: SyncWindow, { record, position }: MembershipInWindow): Promise<boolean> {
    if (ignored.size === 0) return false
    const invite = await this.#parts.reader.stateEvent(record.room, position, 'm.room.member', viewer.userId)
    return invite !== undefined && ignored.has(invite.sender)
  }
}

/** Rooms that may have news: all of them only where everything is told. */
const candidates = ({ fullState, rooms, news }: SyncWindow): Iterable<RoomNumber> =>
  fullState || news.changed === undefined ? rooms.keys() : new Set([...news.changed, ...news.rooms.keys()])

const isNew = ({ since, fullState }: SyncWindow, { changed, position }: MembershipInWindow): boolean =>
  since === undefined || fullState || (changed && position > since.events)

/** A device that did not see the user leave is told of it once, even if another one has forgotten the room meanwhile. */
const isLeftListed = (window: SyncWindow, member: MembershipInWindow): boolean => {
  const { since, filter } = window
  const { forgotten } = member.record
  if (!member.wasPresent) return false
  if (since === undefined) return filter.includeLeave && member.everJoined && !forgotten
  return forgotten ? member.changed && member.position > since.events : isNew(window, member)
}

function noRooms(): Record<Section, string[]> {
  return { join: [], invite: [], knock: [], leave: [] }
}

function textOf({ join, invite, knock, leave }: Record<Section, readonly string[]>): string {
  return `"rooms":{"join":{${join.join()}},"invite":{${invite.join()}},"knock":{${knock.join()}},"leave":{${leave.join()}}}`
}
