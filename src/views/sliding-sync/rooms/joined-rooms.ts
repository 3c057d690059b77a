import type { Soon } from '#base'
import { stringAt, type UserId } from '#spec'
import type { MembersReader, RoomListsReader, RoomStateReader, StateEntryName, StoredEvent } from '#store'
import type { EventTexts } from '../../events/event-texts.ts'
import { prevBatchOf } from '../../history/prev-batch.ts'
import type { RoomFacts } from '../../known/room-facts.ts'
import type { RoomsInWindow, ToldTimeline } from '../../known/room-in-window.ts'
import { isAlikeForAll, type SharedMessages, type SharedMessageTexts } from '../../known/shared-messages.ts'
import { type BumpStamps, isBumping } from './bump-stamps.ts'
import type { AnswerOfRooms, MetRoom, WrittenRoom } from './planned-room.ts'
import { type ChangedState, changedState, membersAmong, type StateOfRoom, wholeState } from './required-state.ts'
import { asksFor } from './room-configs.ts'
import { contentOf, countsTexts, distinct, expandedText, isGone, isHeading, stubOf, textIn } from './room-members.ts'
import type { ToldMembers } from './told-members.ts'

export interface JoinedRoomsParts {
  readonly reader: RoomStateReader & MembersReader & RoomListsReader
  readonly texts: EventTexts
  readonly rooms: RoomsInWindow
  readonly stamps: BumpStamps
  readonly members: ToldMembers
  readonly shared: SharedMessageTexts
}

type Members = string[]

/** Writes the rooms that the user is joined to. */
export class JoinedRooms {
  readonly #parts: JoinedRoomsParts
  /** Texts in the making that others wait for: were each to make their own, as many reads would queue as people wake. */
  readonly #making = new Map<string, Promise<WrittenRoom | undefined>>()

  constructor(parts: JoinedRoomsParts) {
    this.#parts = parts
  }

  /** undefined for a room that is not known any more. */
  async write(answer: AnswerOfRooms, met: MetRoom): Promise<WrittenRoom | undefined> {
    return (await this.brief(answer, met)) ?? this.#write(answer, met)
  }

  /** The room where its text is the same for others, made once for all of them; undefined where it is not. */
  brief(answer: AnswerOfRooms, met: MetRoom): Soon<WrittenRoom | undefined> {
    const facts = this.#parts.rooms.facts(met)
    return facts instanceof Promise
      ? facts.then((known) => this.#together(answer, met, known))
      : this.#together(answer, met, facts)
  }

  #together(answer: AnswerOfRooms, met: MetRoom, facts: RoomFacts | undefined): Soon<WrittenRoom | undefined> {
    const key = facts === undefined ? undefined : this.#alike(answer, met, facts)
    if (facts === undefined || key === undefined) return undefined
    const kept = this.#parts.shared.of(key)
    if (kept !== undefined) return this.#shared(answer, met, facts, kept)
    const making = this.#making.get(key)
    if (making === undefined) return this.#make(answer, met, key)
    const share = (): Soon<WrittenRoom | undefined> => {
      const made = this.#parts.shared.of(key)
      return made === undefined ? undefined : this.#shared(answer, met, facts, made)
    }
    // Whoever waits for a text that could not be made makes their own.
    return making.then(share, () => undefined)
  }

  async #make(answer: AnswerOfRooms, met: MetRoom, key: string): Promise<WrittenRoom | undefined> {
    const making = this.#write(answer, met, key)
    this.#making.set(key, making)
    try {
      return await making
    } finally {
      this.#making.delete(key)
    }
  }

  #shared(answer: AnswerOfRooms, met: MetRoom, facts: RoomFacts, kept: SharedMessages): Soon<WrittenRoom> {
    const written = (counts: Members): WrittenRoom => ({
      ...{ initial: false, expanded: false, timeline: kept.timeline },
      members: [kept.text, ...counts],
    })
    const counts = this.#counts(answer, met, facts)
    return counts instanceof Promise ? counts.then(written) : written(counts)
  }

  /**
   * The key of the room's text, where that is the same for all who have the same position: messages of others, and nothing to tell beside them.
   */
  #alike(answer: AnswerOfRooms, met: MetRoom, facts: RoomFacts): string | undefined {
    const { plan, member, window, initial } = met
    const { events, from, config } = plan
    const isPlain = !(initial || plan.moreTimeline) && plan.before === undefined && plan.isDirect === undefined
    if (!isPlain || events === undefined || events.length === 0 || from === undefined) return undefined
    if (!isAlikeForAll({ window, member, facts, events, from })) return undefined
    const { room } = facts.record
    if (config.lazyMembers) {
      const told = this.#parts.members.of(answer, room, false)
      if (events.some(({ sender }) => !told.has(sender))) return undefined
    }
    return [answer.request.form, room, from, window.now.events, config.timelineLimit].join(' ')
  }

  /** `key`: keeps the text for others. */
  async #write(answer: AnswerOfRooms, met: MetRoom, key?: string): Promise<WrittenRoom | undefined> {
    const { plan, member, window, initial } = met
    const { room } = member.record
    const isWhole = initial || plan.moreTimeline
    const told = await this.#parts.rooms.joinedTimeline(wantOf(met), isWhole)
    if (told === undefined) return undefined
    const { facts, timeline } = told
    const removed = initial ? [] : await this.#removed(met, facts)
    // The form of Element X has no word for an entry that went: the client replaces all that it has.
    if (removed.length > 0 && answer.request.form === 'legacy') return this.#write(answer, { ...met, initial: true })
    const at = facts.record.lastPosition <= window.now.events ? 'current' : window.now.events
    const whole = initial ? await wholeState(this.#parts.reader, room, at, plan.config) : undefined
    const changes = initial ? undefined : await this.#changes(met, facts)
    const grown = initial ? [] : await this.#grown(met, at)
    const lazy = await this.#lazyMembers(answer, met, told, { whole, changes, at, removed })
    const state = distinct([...((whole ?? changes)?.asked ?? []), ...grown, ...lazy])
    const expanded = plan.moreTimeline && !initial
    const isNews = initial || expanded || timeline.events.length + state.length + removed.length > 0 || timeline.limited
    const heading = await this.#heading(met, facts, { whole, changes, at, removed })
    if (!isNews && heading.length === 0 && plan.isDirect === undefined) {
      const members = plan.isRecounted ? await this.#counts(answer, met, facts) : undefined
      return { initial, expanded, timeline, members }
    }
    const members: Members = [...heading, ...(await this.#eventMembers(answer, met, told, { state, removed }))]
    members.push(...(await this.#stamp(met)))
    // Whoever is told of a gap forgets the members they knew, and is told the rest anew.
    if (key !== undefined && !timeline.limited && state.length === 0)
      this.#parts.shared.keep(key, { text: members.join(), timeline })
    members.push(...(await this.#counts(answer, met, facts)))
    if (expanded) members.push(expandedText(answer.request))
    return { initial, expanded, timeline, members }
  }

  #changes(
    { plan: { from = 0, events, config }, member, window: { now } }: MetRoom,
    facts: RoomFacts,
  ): Promise<ChangedState | undefined> {
    const isQuiet =
      events !== undefined &&
      facts.record.lastResolvedPosition <= from &&
      events.every(({ stateKey }) => stateKey === undefined)
    if (isQuiet) return Promise.resolve(undefined)
    return changedState(this.#parts.reader, member.record.room, { after: from, upTo: now.events }, config)
  }

  /** Entries of the state that resolution took away, of those that the client was told of. */
  async #removed(
    { plan: { from = 0, config }, member, window: { now } }: MetRoom,
    { record }: RoomFacts,
  ): Promise<readonly StateEntryName[]> {
    if (record.lastResolvedPosition <= from) return []
    const removed = await this.#parts.reader.stateRemoved(member.record.room, from, now.events)
    return removed.filter(({ type, stateKey }) => asksFor(config, type, stateKey) || isHeading(type))
  }

  /** State that is asked for now and was not before. */
  async #grown({ plan, member }: MetRoom, at: number | 'current'): Promise<readonly StoredEvent[]> {
    const { before, config } = plan
    if (before === undefined) return []
    const { asked } = await wholeState(this.#parts.reader, member.record.room, at, config)
    if (before === 'unknown') return asked
    return asked.filter(({ type, stateKey = '' }) => !asksFor({ required: before }, type, stateKey))
  }

  /**
   * Members whom the client needs for the timeline and was not told of, and behind no gap all that changed. A client forgets behind a gap whom it knew, so these are told again.
   */
  async #lazyMembers(
    answer: AnswerOfRooms,
    { plan, member, initial }: MetRoom,
    { timeline }: ToldTimeline,
    { whole, changes, at }: StateNow,
  ): Promise<readonly StoredEvent[]> {
    if (!plan.config.lazyMembers) return []
    const { room } = member.record
    const told = this.#parts.members.of(answer, room, initial || timeline.limited)
    const has = new Map<UserId, StoredEvent>()
    const changed = timeline.limited ? [] : (changes?.members ?? [])
    for (const event of [...(whole?.asked ?? []), ...(changes?.asked ?? []), ...changed])
      if (event.type === 'm.room.member') has.set(event.stateKey as UserId, event)
    const wanted = new Set<UserId>()
    for (const { sender, type, stateKey } of timeline.events) {
      wanted.add(sender)
      if (type === 'm.room.member') wanted.add(stateKey as UserId)
    }
    const missing = [...wanted].filter((userId) => !has.has(userId) && !told.has(userId))
    const read = await membersAmong(this.#parts.reader, room, at, missing)
    told.add([...has.keys(), ...read.map(({ stateKey }) => stateKey as UserId)])
    return [...changed, ...read]
  }

  async #heading(
    { plan, member, window, initial }: MetRoom,
    { record }: RoomFacts,
    { whole, changes, at, removed }: StateNow,
  ): Promise<Members> {
    const { headings } = whole ?? changes ?? NO_STATE
    const members: Members = []
    const name = headings.find(({ type }) => type === 'm.room.name')
    const avatar = headings.find(({ type }) => type === 'm.room.avatar')
    if (initial) members.push('"initial":true')
    const nameText = textIn(name, 'name')
    if (nameText !== undefined) members.push(`"name":${JSON.stringify(nameText)}`)
    else if (!initial && (name !== undefined || isGone(removed, 'm.room.name'))) members.push('"name":null')
    const url = textIn(avatar, 'url')
    if (url !== undefined) members.push(`"avatar":${JSON.stringify(url)}`)
    else if (!initial && (avatar !== undefined || isGone(removed, 'm.room.avatar'))) members.push('"avatar":null')
    const membersChanged = initial || changes?.membersChanged === true
    if (membersChanged || name !== undefined || isGone(removed, 'm.room.name')) {
      const isNamed = nameText ?? (name === undefined ? await this.#name(member.record.room, at) : undefined)
      if (isNamed === undefined)
        members.push(`"heroes":${await this.#heroes(member.record.room, window.viewer.userId, at)}`)
    }
    if (membersChanged) members.push(`"joined_count":${record.joinedCount},"invited_count":${record.invitedCount}`)
    // In a room told from its beginning, absence says that it is none.
    const isDirect = initial ? plan.direct || undefined : plan.isDirect
    if (isDirect !== undefined) members.push(`"is_dm":${isDirect}`)
    return members
  }

  async #name(room: number, at: number | 'current'): Promise<string | undefined> {
    return textIn(await this.#parts.reader.stateEvent(room, at, 'm.room.name', ''), 'name')
  }

  /** Members whose names stand for that of a room without one: those of the `m.heroes` of `/sync`. */
  async #heroes(room: number, userId: UserId, at: number | 'current'): Promise<string> {
    const { reader } = this.#parts
    const present = await reader.firstMembers(room, ['join', 'invite'], MAX_HEROES, userId)
    const heroes = present.length > 0 ? present : await reader.firstMembers(room, ['leave', 'ban'], MAX_HEROES, userId)
    const events = await membersAmong(
      reader,
      room,
      at,
      heroes.map((hero) => hero.userId),
    )
    const byUser = new Map(events.map((event) => [event.stateKey, contentOf(event)]))
    const texts = heroes.map((hero) => {
      const content = byUser.get(hero.userId) ?? {}
      return JSON.stringify({
        user_id: hero.userId,
        displayname: stringAt(content, 'displayname'),
        avatar_url: stringAt(content, 'avatar_url'),
      })
    })
    return `[${texts.join()}]`
  }

  async #eventMembers(
    { request, window: { viewer } }: AnswerOfRooms,
    { plan, initial }: MetRoom,
    { timeline, visibilityOf }: ToldTimeline,
    { state, removed }: { readonly state: readonly StoredEvent[]; readonly removed: readonly StateEntryName[] },
  ): Promise<Members> {
    const batch = { viewer, form: 'in-room' as const, once: initial }
    const { texts } = this.#parts
    const shown = await texts.joined({
      ...{ ...batch, events: timeline.events, related: timeline.related, tellsMembership: true },
      visibility: await visibilityOf(timeline.events),
    })
    const told = await texts.joined({ ...batch, events: state, visibility: await visibilityOf(state) })
    // Events sent to the client before this request was made are no news to it.
    const liveAfter = request.pos?.positions.events ?? Number.MAX_SAFE_INTEGER
    const live = timeline.events.filter(({ position }) => position > Math.max(liveAfter, plan.from ?? 0)).length
    const limited = timeline.limited ? [`"limited":true`] : []
    return [
      `"required_state":[${[...(told === '' ? [] : [told]), ...removed.map(stubOf)].join()}]`,
      `"timeline":[${shown}]`,
      ...limited,
      `"num_live":${live}`,
      ...(timeline.events.length > 0 || timeline.limited ? [`"prev_batch":"${prevBatchOf(timeline)}"`] : []),
    ]
  }

  async #stamp({ plan: { from = 0, events }, member, window: { now }, initial }: MetRoom): Promise<Members> {
    // Where all that is new is at hand, so is the stamp.
    if (events !== undefined && !initial) {
      const newest = events.findLast(({ type }) => isBumping(type))
      return newest === undefined ? [] : [`"bump_stamp":${newest.position}`]
    }
    const stamp = await this.#parts.stamps.of(member.record.room, now.events)
    return stamp === undefined || (!initial && stamp <= from) ? [] : [`"bump_stamp":${stamp}`]
  }

  /** The counts of `/sync`, which MSC4186 does not have any more. */
  #counts({ request }: AnswerOfRooms, { plan, member, window }: MetRoom, facts: RoomFacts): Soon<Members> {
    if (request.form === 'v4') return []
    const { receipts } = request.pos?.positions ?? {}
    // Where no receipt moved, the counts go on from those of before.
    const continues = plan.events !== undefined && receipts === window.now.receipts
    const want = { member, window: continues ? window : { ...window, since: undefined }, events: plan.events }
    const counts = this.#parts.rooms.counts(want, facts, undefined)
    return counts instanceof Promise ? counts.then(countsTexts) : countsTexts(counts)
  }
}

interface StateNow {
  readonly whole: StateOfRoom | undefined
  readonly changes: ChangedState | undefined
  readonly at: number | 'current'
  readonly removed: readonly StateEntryName[]
}

const NO_STATE: StateOfRoom = { asked: [], headings: [] }
const MAX_HEROES = 5

/** The want of a room's timeline. One that reaches further back than the client's position is looked at without it. */
export const wantOf = ({ plan: { config, events, moreTimeline }, member, window }: MetRoom) => ({
  ...{ member, events },
  window: moreTimeline ? { ...window, since: undefined } : window,
  timeline: config.timeline,
})
