import { breathe, type Clock, type Pending } from '#base'
import { MatrixError, type Pdu, type UserId } from '#spec'
import type { RoomNumber, RoomsReader, StoredEvent } from '#store'
import {
  formatSyncToken,
  LongPoll,
  type Look,
  type Looker,
  type Positions,
  parseSyncToken,
  type Snapshot,
  type Streams,
  samePositions,
} from '#streams'
import type { PresenceSight } from '../presence-sight.ts'
import { presenceTexts } from '../presence-text.ts'
import type { PushRules } from '../push-rules.ts'
import type { RoomsOfUser, UserRooms } from '../user-rooms.ts'
import type { IgnoredUsers } from '../visibility.ts'
import { extrasOf, type Gathered, type GatherSources, gather } from './gather.ts'
import type { PresenceEntry, PresenceNow, Syncer, SyncRequest, SyncWindow } from './request.ts'
import { accountDataText, type RoomSections } from './room-sections.ts'
import { joinedRooms, type RoomStanding, standingOf } from './standing.ts'

export interface SyncParts {
  readonly clock: Clock
  readonly streams: Streams
  readonly reader: RoomsReader
  readonly userRooms: UserRooms
  readonly sections: RoomSections
  readonly sources: GatherSources
  readonly presence: PresenceNow
  readonly presenceSight: PresenceSight
  readonly pushRules: PushRules
  readonly ignored: IgnoredUsers
}

interface Answer {
  readonly text: string
  readonly empty: boolean
}

/** Rooms answered in one slice of the event loop. */
const ROOMS_A_SLICE = 5

/** `GET /sync`: what came to a user after a token, read from the streams; waits where nothing has. */
export class Sync {
  readonly #parts: SyncParts
  readonly #looker: Looker<SyncRequest> = {
    look: (request) => this.#look(request),
    listener: ({ syncer }) => syncer.user,
    rooms: ({ syncer }) => this.#joinedRooms(syncer),
  }

  constructor(parts: SyncParts) {
    this.#parts = parts
  }

  /** A `since` token. Throws `M_INVALID_PARAM` for what is none, or lies ahead of what is durable: one of another server, or of a lost database. */
  since(text: string): Positions {
    const since = parseSyncToken(text)
    if (since === undefined) throw new MatrixError('M_INVALID_PARAM', 'since is not a token of this server')
    const now = this.#parts.streams.positions()
    if (since.events > now.events || since.accountData > now.accountData || since.receipts > now.receipts)
      throw new MatrixError('M_INVALID_PARAM', 'since lies ahead of this server')
    // Streams in memory begin at the clock of the start: where it was set back, all there is now is news.
    const known = (stream: 'typing' | 'presence'): number => (since[stream] > now[stream] ? 0 : since[stream])
    return { ...since, typing: known('typing'), presence: known('presence') }
  }

  /** The answer's JSON text; where there is no news and the request has time, the one that comes later. */
  sync(request: SyncRequest): Promise<string | Pending<string>> {
    const { clock, streams } = this.#parts
    return LongPoll.begin({ streams, clock, looker: this.#looker }, request, request.timeoutMs)
  }

  async #look(request: SyncRequest): Promise<Look> {
    const snapshot = this.#parts.streams.snapshot()
    // As who polls again at once finds it: nothing came, and no room need be asked.
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
      const standing = await standingOf(record, window, this.#parts.reader)
      const found = standing === undefined ? undefined : await this.#room(window, standing, gathered)
      if (found !== undefined) sections[found.section].push(`${JSON.stringify(record.roomId)}:${found.text}`)
      if (++count % ROOMS_A_SLICE === 0) await breathe(this.#parts.clock)
    }
    return sections
  }

  /** Rooms that may have something to tell: with memory reaching back far enough, only those that have. */
  #candidates(window: SyncWindow, rooms: RoomsOfUser, { events, extras }: Gathered): Iterable<RoomNumber> {
    if (window.since === undefined || window.fullState || events === undefined) return rooms.keys()
    return new Set([...events.keys(), ...extras.keys()])
  }

  async #room(
    window: SyncWindow,
    standing: RoomStanding,
    gathered: Gathered,
  ): Promise<{ section: Section; text: string } | undefined> {
    const { sections } = this.#parts
    const { record, membership } = standing
    const extras = extrasOf(gathered, record.room)
    switch (membership) {
      case 'join': {
        const held = gathered.events?.get(record.room) ?? (gathered.events === undefined ? undefined : [])
        const text = await sections.joined(window, standing, held, extras)
        return text === undefined ? undefined : { section: 'join', text }
      }
      case 'invite': {
        if (!isNews(window, standing)) return undefined
        return (await this.#isFromIgnored(window, standing))
          ? undefined
          : { section: 'invite', text: await sections.stripped(window, standing, 'invite_state') }
      }
      case 'knock':
        return isNews(window, standing)
          ? { section: 'knock', text: await sections.stripped(window, standing, 'knock_state') }
          : undefined
      case 'leave':
      case 'ban': {
        const listed =
          window.since === undefined ? window.filter.includeLeave && standing.everJoined : isNews(window, standing)
        if (!listed || !standing.wasPresent || record.forgotten) return undefined
        return { section: 'leave', text: await sections.left(window, standing, extras.accountData) }
      }
    }
  }

  /** Module "Ignoring users": invites of somebody ignored are not shown. */
  async #isFromIgnored(window: SyncWindow, { record, position }: RoomStanding): Promise<boolean> {
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
    // Unfiltered, the array may be one that many readers share, and its text with it.
    const shown = entries.every(isShown) ? entries : entries.filter(isShown)
    const isOwn = shown.some(({ userId }) => userId === syncer.userId)
    return { text: presenceTexts(shown, 'sync'), ofOthers: shown.length - (isOwn ? 1 : 0) }
  }

  async #presenceEntries(
    { since, now, syncer }: SyncWindow,
    rooms: RoomsOfUser,
    gathered: Gathered,
  ): Promise<readonly PresenceEntry[]> {
    const { reader, presence, presenceSight } = this.#parts
    if (since === undefined) return presenceSight.everybody(syncer)
    // The offline ones too: who meets them again may remember them as they were when they last met.
    const met = presence.ofEach(await newFaces(syncer.userId, rooms, gathered, reader))
    if (since.presence >= now.presence) return met
    const joined = joinedRooms(rooms).map(({ room }) => room)
    const window = { after: since.presence, upTo: now.presence }
    const changed = await presenceSight.changed({ viewer: syncer, rooms: joined, lists: true, ...window })
    if (met.length === 0) return changed
    return [...new Map([...met, ...changed].map((entry) => [entry.userId, entry])).values()]
  }
}

interface PresenceTexts {
  /** Joined by commas. */
  readonly text: string
  /** One's own presence goes along with other news, but ends no long poll: to begin one may be what changed it. */
  readonly ofOthers: number
}

/** Rooms with more members do not tell who joins them of everybody's presence. */
const MAX_GREETED = 500

/** Whom the user shares a room with only since something in the window: those who joined, or all of a room the user joined. */
const newFaces = async (
  userId: UserId,
  rooms: RoomsOfUser,
  { events }: Gathered,
  reader: RoomsReader,
): Promise<readonly UserId[]> => {
  const faces = new Set<UserId>()
  for (const [room, came] of events ?? []) {
    if (rooms.get(room)?.membership !== 'join') continue
    const stayed = new Set<UserId>()
    for (const event of came) {
      if (event.type !== 'm.room.member') continue
      // Who came and went is a stranger.
      if (!isJoin(event)) {
        if (!isMember(event)) stayed.delete(event.stateKey as UserId)
      } else if (event.stateKey !== userId) stayed.add(event.stateKey as UserId)
      else if (((await reader.room(room))?.joinedCount ?? 0) <= MAX_GREETED) {
        for (const member of await reader.members(room, ['join'])) faces.add(member.userId)
      }
    }
    for (const face of stayed) faces.add(face)
  }
  return [...faces]
}

/** From not being there to being there: a changed profile is none. */
const isJoin = (event: StoredEvent): boolean => {
  const before = event.replaces === undefined ? undefined : (JSON.parse(event.replaces.json) as Pdu).content.membership
  return before !== 'join' && isMember(event)
}

const isMember = (event: StoredEvent): boolean => (JSON.parse(event.json) as Pdu).content.membership === 'join'

/** What stands in an answer, as members of its JSON. */
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

const isNews = (window: SyncWindow, standing: RoomStanding): boolean =>
  window.since === undefined || window.fullState || (standing.changed && standing.position > window.since.events)
