import { type Clock, type Pending, yieldToEventLoop } from '#base'
import { MatrixError, type Pdu, type UserId } from '#spec'
import type { RoomNumber, RoomsReader, StoredEvent } from '#store'
import {
  formatSyncToken,
  LongPoll,
  type PollResult,
  type PollSource,
  type Positions,
  parseSyncToken,
  type Snapshot,
  type Streams,
  samePositions,
} from '#streams'
import { accountDataText } from '../events/account-data-text.ts'
import { type MembershipInWindow, membershipInWindow } from '../known/membership-in-window.ts'
import type { PushRules } from '../known/push-rules.ts'
import { joinedRooms, type RoomsOfUser, type UserRooms } from '../known/user-rooms.ts'
import type { IgnoredUsers } from '../known/visibility.ts'
import type { PresenceEntry, PresenceNow } from '../presence/presence-now.ts'
import { presenceTexts } from '../presence/presence-text.ts'
import type { PresenceVisibility } from '../presence/presence-visibility.ts'
import { extrasOf, type Gathered, type GatherSources, gather } from './gather.ts'
import type { Syncer, SyncRequest, SyncWindow } from './request.ts'
import type { RoomSections } from './room-sections.ts'

export interface SyncParts {
  readonly clock: Clock
  readonly streams: Streams
  readonly reader: RoomsReader
  readonly userRooms: UserRooms
  readonly sections: RoomSections
  readonly sources: GatherSources
  readonly presence: PresenceNow
  readonly presenceVisibility: PresenceVisibility
  readonly pushRules: PushRules
  readonly ignored: IgnoredUsers
}

interface Answer {
  readonly text: string
  readonly empty: boolean
}

/** Rooms answered in one slice of the event loop. */
const ROOMS_A_SLICE = 5

/** `GET /sync`: the news of a user after a token, read from the streams; waits where there is none. */
export class Sync {
  readonly #parts: SyncParts
  readonly #source: PollSource<SyncRequest> = {
    poll: (request) => this.#poll(request),
    listener: ({ syncer }) => syncer.user,
    rooms: ({ syncer }) => this.#joinedRooms(syncer),
  }

  constructor(parts: SyncParts) {
    this.#parts = parts
  }

  /** Parses `since`. Throws `M_INVALID_PARAM` for a malformed token, or one ahead of the durable streams: of another server, or of a lost database. */
  since(text: string): Positions {
    const now = this.#parts.streams.positions()
    const since = parseSyncToken(text, now)
    if (since === undefined) throw new MatrixError('M_INVALID_PARAM', 'since is not a token of this server')
    if (since.events > now.events || since.accountData > now.accountData || since.receipts > now.receipts)
      throw new MatrixError('M_INVALID_PARAM', 'since lies ahead of this server')
    // Streams in memory begin at the clock's time of the start. A token ahead of one means that the clock was set back: everything in it is news.
    const known = (stream: 'typing' | 'presence'): number => (since[stream] > now[stream] ? 0 : since[stream])
    return { ...since, typing: known('typing'), presence: known('presence') }
  }

  /** The answer's JSON text; where there is no news and the request has time, the one that comes later. */
  sync(request: SyncRequest): Promise<string | Pending<string>> {
    const { clock, streams } = this.#parts
    return LongPoll.begin({ streams, clock, source: this.#source }, request, request.timeoutMs)
  }

  async #poll(request: SyncRequest): Promise<PollResult> {
    const snapshot = this.#parts.streams.snapshot()
    // The client's token equals the current positions: nothing is new, so no room is read.
    if (request.since !== undefined && !request.fullState && samePositions(request.since, snapshot.positions))
      return { text: answerText(snapshot.positions, NOTHING), nothingBy: snapshot }
    const { text, empty } = await this.#answer(request, snapshot)
    const waits = request.since !== undefined && !request.fullState && empty
    return { text, nothingBy: waits ? snapshot : undefined }
  }

  async #joinedRooms(syncer: Syncer): Promise<readonly number[]> {
    return joinedRooms(await this.#parts.userRooms.of(syncer)).map(({ room }) => room)
  }

  async #answer(request: SyncRequest, { positions: now }: Snapshot): Promise<Answer> {
    const window: SyncWindow = {
      syncer: request.syncer,
      since: request.since,
      now,
      filter: request.filter,
      fullState: request.fullState,
      nowMs: this.#parts.clock.nowMs(),
      ignored: await this.#parts.ignored.ignoredBy(request.syncer.user),
    }
    const rooms = await this.#parts.userRooms.of(request.syncer)
    const gathered = await gather(window, rooms, this.#parts.sources)
    const sections = await this.#rooms(window, rooms, gathered)
    const accountData = await this.#accountData(window, gathered)
    const presence = await this.#presence(window, rooms, gathered)
    const { join, invite, knock, leave } = sections
    const empty =
      join.length + invite.length + knock.length + leave.length + accountData.length + presence.ofOthers === 0
    const text = answerText(now, { ...sections, accountData, presence: presence.text })
    return { text, empty }
  }

  async #rooms(window: SyncWindow, rooms: RoomsOfUser, gathered: Gathered): Promise<Record<Section, string[]>> {
    const sections: Record<Section, string[]> = { join: [], invite: [], knock: [], leave: [] }
    let count = 0
    for (const room of this.#candidates(window, rooms, gathered)) {
      const record = rooms.get(room)
      if (record === undefined || !window.filter.room(record.roomId)) continue
      const member = await membershipInWindow(
        record,
        { userId: window.syncer.userId, after: window.since?.events, upTo: window.now.events },
        this.#parts.reader,
      )
      const found = member === undefined ? undefined : await this.#room(window, member, gathered)
      if (found !== undefined) sections[found.section].push(`${JSON.stringify(record.roomId)}:${found.text}`)
      if (++count % ROOMS_A_SLICE === 0) await yieldToEventLoop(this.#parts.clock)
    }
    return sections
  }

  /** Rooms that may have news: only those that do, where memory reaches back far enough. */
  #candidates(window: SyncWindow, rooms: RoomsOfUser, { events, extras }: Gathered): Iterable<RoomNumber> {
    if (window.since === undefined || window.fullState || events === undefined) return rooms.keys()
    return new Set([...events.keys(), ...extras.keys()])
  }

  async #room(
    window: SyncWindow,
    member: MembershipInWindow,
    gathered: Gathered,
  ): Promise<{ section: Section; text: string } | undefined> {
    const { sections } = this.#parts
    const { record, membership } = member
    const extras = extrasOf(gathered, record.room)
    switch (membership) {
      case 'join': {
        const held = gathered.events?.get(record.room) ?? (gathered.events === undefined ? undefined : [])
        const text = await sections.joined(window, member, held, extras)
        return text === undefined ? undefined : { section: 'join', text }
      }
      case 'invite': {
        if (!isNews(window, member)) return undefined
        return (await this.#isFromIgnored(window, member))
          ? undefined
          : { section: 'invite', text: await sections.stripped(window, member, 'invite_state') }
      }
      case 'knock':
        return isNews(window, member)
          ? { section: 'knock', text: await sections.stripped(window, member, 'knock_state') }
          : undefined
      case 'leave':
      case 'ban': {
        const listed =
          window.since === undefined ? window.filter.includeLeave && member.everJoined : isNews(window, member)
        if (!listed || !member.wasPresent || record.forgotten) return undefined
        return { section: 'leave', text: await sections.left(window, member, extras.accountData) }
      }
    }
  }

  /** Module "Ignoring users": invites of ignored users are not shown. */
  async #isFromIgnored(window: SyncWindow, { record, position }: MembershipInWindow): Promise<boolean> {
    if (window.ignored.size === 0) return false
    const invite = await this.#parts.reader.stateEvent(record.room, position, 'm.room.member', window.syncer.userId)
    return invite !== undefined && window.ignored.has(invite.sender)
  }

  async #accountData(window: SyncWindow, { globalAccountData }: Gathered): Promise<string[]> {
    const { since, now, filter, fullState, syncer } = window
    const entries = globalAccountData.filter(({ type }) => filter.accountData.type(type)).map(accountDataText)
    if (!filter.accountData.type('m.push_rules')) return entries
    const all = since === undefined || fullState
    if (!all && since.accountData >= now.accountData) return entries
    const rules = await this.#parts.pushRules.of(syncer)
    const changed = all || (rules.position > since.accountData && rules.position <= now.accountData)
    return changed ? [...entries, accountDataText({ type: 'm.push_rules', contentJson: rules.contentJson })] : entries
  }

  async #presence(window: SyncWindow, rooms: RoomsOfUser, gathered: Gathered): Promise<PresenceTexts> {
    const { filter, ignored, syncer } = window
    if (filter.presence.nothing || !filter.presence.type('m.presence')) return { text: '', ofOthers: 0 }
    const entries = await this.#presenceEntries(window, rooms, gathered)
    const isShown = ({ userId }: PresenceEntry): boolean => filter.presence.sender(userId) && !ignored.has(userId)
    // An unfiltered array may be shared by many readers, and its text with it.
    const shown = entries.every(isShown) ? entries : entries.filter(isShown)
    const isOwn = shown.some(({ userId }) => userId === syncer.userId)
    return { text: presenceTexts(shown, 'sync'), ofOthers: shown.length - (isOwn ? 1 : 0) }
  }

  async #presenceEntries(
    { since, now, syncer }: SyncWindow,
    rooms: RoomsOfUser,
    gathered: Gathered,
  ): Promise<readonly PresenceEntry[]> {
    const { reader, presence, presenceVisibility } = this.#parts
    if (since === undefined) return presenceVisibility.everybody(syncer)
    // Offline users too: the client may remember an older presence of theirs.
    const met = presence.ofEach(await newlyMet(syncer.userId, rooms, gathered, reader))
    if (since.presence >= now.presence) return met
    const joined = joinedRooms(rooms).map(({ room }) => room)
    const window = { after: since.presence, upTo: now.presence }
    const changed = await presenceVisibility.changed({ viewer: syncer, rooms: joined, lists: true, ...window })
    if (met.length === 0) return changed
    return [...new Map([...met, ...changed].map((entry) => [entry.userId, entry])).values()]
  }
}

interface PresenceTexts {
  /** Joined by commas. */
  readonly text: string
  /** One's own presence is told with other news, but does not end a long poll: the request itself may have changed it. */
  readonly ofOthers: number
}

/** A user who joins a room with more members is not told everybody's presence. */
const MAX_MEMBERS_MET = 500

/** Users whom the user shares a room with since events of the window: those who joined, or all of a room that the user joined. */
const newlyMet = async (
  userId: UserId,
  rooms: RoomsOfUser,
  { events }: Gathered,
  reader: RoomsReader,
): Promise<readonly UserId[]> => {
  const met = new Set<UserId>()
  for (const [room, came] of events ?? []) {
    if (rooms.get(room)?.membership !== 'join') continue
    const stayed = new Set<UserId>()
    for (const event of came) {
      if (event.type !== 'm.room.member') continue
      // Users who joined and left again share no room.
      if (!isJoin(event)) {
        if (!isMember(event)) stayed.delete(event.stateKey as UserId)
      } else if (event.stateKey !== userId) stayed.add(event.stateKey as UserId)
      else if (((await reader.room(room))?.joinedCount ?? 0) <= MAX_MEMBERS_MET) {
        for (const member of await reader.members(room, ['join'])) met.add(member.userId)
      }
    }
    for (const other of stayed) met.add(other)
  }
  return [...met]
}

/** Tells a join from a changed profile. */
const isJoin = (event: StoredEvent): boolean => {
  const before = event.replaces === undefined ? undefined : (JSON.parse(event.replaces.json) as Pdu).content.membership
  return before !== 'join' && isMember(event)
}

const isMember = (event: StoredEvent): boolean => (JSON.parse(event.json) as Pdu).content.membership === 'join'

/** Texts of an answer, as members of its JSON. */
interface AnswerParts extends Readonly<Record<Section, readonly string[]>> {
  readonly accountData: readonly string[]
  readonly presence: string
}

const NOTHING: AnswerParts = { join: [], invite: [], knock: [], leave: [], accountData: [], presence: '' }

const answerText = (now: Positions, { join, invite, knock, leave, accountData, presence }: AnswerParts): string =>
  `{"next_batch":"${formatSyncToken(now)}","rooms":{"join":{${join.join()}},"invite":{${invite.join()}},` +
  `"knock":{${knock.join()}},"leave":{${leave.join()}}},"account_data":{"events":[${accountData.join()}]},` +
  `"presence":{"events":[${presence}]},"to_device":{"events":[]},"device_lists":{"changed":[],"left":[]},` +
  '"device_one_time_keys_count":{},"device_unused_fallback_key_types":[]}'

type Section = 'join' | 'invite' | 'knock' | 'leave'

const isNews = (window: SyncWindow, member: MembershipInWindow): boolean =>
  window.since === undefined || window.fullState || (member.changed && member.position > window.since.events)
