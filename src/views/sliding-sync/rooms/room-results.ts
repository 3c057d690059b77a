import type { Soon } from '#base'
import type { RoomStateReader } from '#store'
import { membershipInWindow } from '../../known/membership-in-window.ts'
import type { JoinedRooms } from './joined-rooms.ts'
import type { OtherRooms } from './other-rooms.ts'
import type { AnswerOfRooms, MetRoom, PlannedRoom, WrittenRoom } from './planned-room.ts'

export interface RoomResultsParts {
  readonly reader: RoomStateReader
  readonly joined: JoinedRooms
  readonly others: OtherRooms
}

/** A room's text, and what extensions and the connection's memory learn of it. */
export interface ResultOfRoom {
  readonly met: MetRoom
  readonly written: WrittenRoom
  /** The room's JSON; undefined where there is no news. */
  readonly text: string | undefined
}

/** Writes the JSON of one room in `rooms`. */
export class RoomResults {
  readonly #parts: RoomResultsParts

  constructor(parts: RoomResultsParts) {
    this.#parts = parts
  }

  /** undefined for a room that the user has nothing to do with, at the end of the window. */
  async write(answer: AnswerOfRooms, plan: PlannedRoom): Promise<ResultOfRoom | undefined> {
    const { now, viewer } = answer.window
    const { from, record } = plan
    const { userId } = viewer
    const member = await membershipInWindow(record, { userId, after: from, upTo: now.events }, this.#parts.reader)
    if (member === undefined) return undefined
    const since = from === undefined ? undefined : { ...(answer.request.pos?.positions ?? now), events: from }
    const isAnew = !member.throughout && member.changed
    const initial = from === undefined || (member.membership === 'join' && isAnew)
    const met: MetRoom = { plan, member, window: { ...answer.window, since }, initial }
    return resultOf(answer, met, await this.#written(answer, met))
  }

  /** The same where the text of a room's messages is at hand, and the user was in the room all the time; undefined otherwise, and nothing was done. */
  brief(answer: AnswerOfRooms, plan: PlannedRoom): Soon<ResultOfRoom | undefined> {
    const { now, viewer } = answer.window
    const { from, record } = plan
    if (from === undefined || record.membership !== 'join') return undefined
    if (record.position > Math.min(from, now.events)) return undefined
    const positions = { userId: viewer.userId, after: from, upTo: now.events }
    const member = membershipInWindow(record, positions, this.#parts.reader)
    if (member === undefined || member instanceof Promise) return undefined
    const since = { ...(answer.request.pos?.positions ?? now), events: from }
    const met: MetRoom = { plan, member, window: { ...answer.window, since }, initial: false }
    const written = this.#parts.joined.brief(answer, met)
    return written instanceof Promise
      ? written.then((made) => resultOf(answer, met, made))
      : resultOf(answer, met, written)
  }

  async #written(answer: AnswerOfRooms, met: MetRoom): Promise<WrittenRoom | undefined> {
    const { joined, others } = this.#parts
    const { member, plan } = met
    switch (member.membership) {
      case 'join':
        return joined.write(answer, met)
      case 'invite':
      case 'knock':
        // Nothing of it changes as long as it is the same invite.
        return plan.from !== undefined && member.position <= plan.from ? NO_NEWS : others.stripped(answer, met)
      case 'leave':
      case 'ban':
        if (plan.from !== undefined && member.position <= plan.from && !plan.moreTimeline && plan.before === undefined)
          return NO_NEWS
        return plan.record.forgotten ? others.forgotten(answer, met) : others.left(answer, met)
    }
  }
}

const NO_NEWS: WrittenRoom = { initial: false, expanded: false, timeline: undefined, members: undefined }

const resultOf = (answer: AnswerOfRooms, met: MetRoom, written: WrittenRoom | undefined): ResultOfRoom | undefined => {
  if (written === undefined) return undefined
  return { met, written, text: written.members === undefined ? undefined : textOf(answer, met, written.members) }
}

const textOf = ({ request }: AnswerOfRooms, { plan, member }: MetRoom, members: readonly string[]): string => {
  if (request.form === 'legacy') return `{${members.join()}}`
  const lists = plan.lists.length === 0 ? [] : [`"lists":${JSON.stringify(plan.lists)}`]
  return `{${[`"membership":${JSON.stringify(member.membership)}`, ...lists, ...members].join()}}`
}
