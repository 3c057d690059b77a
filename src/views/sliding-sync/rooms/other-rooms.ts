import type { StoredEvent } from '#store'
import type { EventTexts } from '../../events/event-texts.ts'
import { type StrippedStateParts, strippedState } from '../../events/stripped-state.ts'
import { prevBatchOf } from '../../history/prev-batch.ts'
import type { RoomsInWindow } from '../../known/room-in-window.ts'
import { wantOf } from './joined-rooms.ts'
import type { AnswerOfRooms, MetRoom, WrittenRoom } from './planned-room.ts'
import { changedState, wholeState } from './required-state.ts'
import { asksFor } from './room-configs.ts'
import { distinct, expandedText } from './room-members.ts'

export interface OtherRoomsParts extends StrippedStateParts {
  readonly texts: EventTexts
  readonly rooms: RoomsInWindow
}

/** Writes the rooms that the user is not in: those they are invited to, knock at, or were in. */
export class OtherRooms {
  readonly #parts: OtherRoomsParts

  constructor(parts: OtherRoomsParts) {
    this.#parts = parts
  }

  /** The stripped state, with the invite or knock itself whole, as in `/sync`. */
  async stripped({ request: { form } }: AnswerOfRooms, { member, window }: MetRoom): Promise<WrittenRoom> {
    const { texts } = this.#parts
    const { viewer } = window
    const { texts: state, own } = await strippedState(member.record.room, member.position, viewer.userId, this.#parts)
    const rest = own === undefined ? state : state.slice(0, -1)
    const whole = own === undefined ? [] : await texts.each({ events: [own], viewer, form: 'in-room' })
    const name = form === 'v4' ? 'stripped_state' : 'invite_state'
    const members = [
      '"initial":true',
      `"${name}":[${[...rest, ...whole].join()}]`,
      ...(form === 'v4' ? [] : ['"required_state":[],"timeline":[]']),
      `"bump_stamp":${member.position}`,
    ]
    return { initial: true, expanded: false, timeline: undefined, members }
  }

  /** A room that the user left, up to there: nothing of it that is later. */
  async left(answer: AnswerOfRooms, met: MetRoom): Promise<WrittenRoom> {
    const { plan, member, window } = met
    const { viewer } = window
    // Whoever was in the room for some of the window is told that from the beginning.
    const isWhole = met.initial || member.newlyJoined
    const { timeline, visibilityOf } = await this.#parts.rooms.leftTimeline(wantOf(met), isWhole || plan.moreTimeline)
    const state = await this.#stateOfLeft(met, isWhole)
    const batch = { viewer, form: 'in-room' as const, once: isWhole }
    const told = {
      ...batch,
      events: timeline.events,
      related: timeline.related,
      visibility: await visibilityOf(timeline.events),
      tellsMembership: true,
    }
    const liveAfter = answer.request.pos?.positions.events ?? Number.MAX_SAFE_INTEGER
    const live = timeline.events.filter(({ position }) => position > liveAfter).length
    const expanded = plan.moreTimeline && !isWhole
    const members = [
      ...(isWhole ? ['"initial":true'] : []),
      ...(expanded ? [expandedText(answer.request)] : []),
      `"required_state":[${await this.#parts.texts.joined({ ...batch, events: state })}]`,
      `"timeline":[${await this.#parts.texts.joined(told)}]`,
      ...(timeline.limited ? ['"limited":true'] : []),
      `"num_live":${live}`,
      `"prev_batch":"${prevBatchOf(timeline)}"`,
      `"bump_stamp":${member.position}`,
    ]
    return { initial: isWhole, expanded, timeline, members }
  }

  /** That the user left, and nothing else: they forgot the room. */
  async forgotten(_answer: AnswerOfRooms, { member, window: { viewer } }: MetRoom): Promise<WrittenRoom> {
    const end = await this.#own(member.record.room, member.position, viewer.userId)
    const text = await this.#parts.texts.joined({ events: end, viewer, form: 'in-room' })
    const members = [`"required_state":[${text}],"timeline":[]`, `"bump_stamp":${member.position}`]
    return { initial: false, expanded: false, timeline: undefined, members }
  }

  async #stateOfLeft({ plan, member, window }: MetRoom, isWhole: boolean): Promise<readonly StoredEvent[]> {
    const { reader } = this.#parts
    const { config, from = 0 } = plan
    const { room } = member.record
    const own = asksFor(config, 'm.room.member', window.viewer.userId)
      ? await this.#own(room, member.position, window.viewer.userId)
      : []
    // The user was only ever invited: they learn of the end of that, not of the room.
    if (!member.everJoined) return own
    const at = member.leftAt ?? member.position
    const { asked } = isWhole
      ? await wholeState(reader, room, at, config)
      : await changedState(reader, room, { after: from, upTo: at }, config)
    // A ban after the user left is told too.
    return distinct([...asked.filter((event) => !isOwn(event, window.viewer.userId)), ...own])
  }

  async #own(room: number, at: number, userId: string): Promise<readonly StoredEvent[]> {
    const event = await this.#parts.reader.stateEvent(room, at, 'm.room.member', userId)
    return event === undefined ? [] : [event]
  }
}

const isOwn = ({ type, stateKey }: StoredEvent, userId: string): boolean =>
  type === 'm.room.member' && stateKey === userId
