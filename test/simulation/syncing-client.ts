import { type LongText, type Pending, wholeText } from '#base'
import { type CompiledFilter, compileFilter } from '#rules'
import type { RoomId, UserId } from '#spec'
import { parsePageToken } from '#streams'
import type { Replay, ReplayedEvent, ReplayedRoom } from './replay.ts'
import { keyOf, sameList } from './replay.ts'
import type { ServerProcess } from './server-process.ts'
import { insist, Violation } from './violation.ts'

interface WireEvent {
  readonly event_id: string
  readonly type: string
  readonly state_key?: string
}

interface RoomSection {
  readonly timeline: { readonly events: readonly WireEvent[]; readonly limited: boolean; readonly prev_batch: string }
  readonly state: { readonly events: readonly WireEvent[] }
  readonly summary?: Readonly<Record<string, unknown>>
  readonly unread_notifications?: { readonly notification_count: number; readonly highlight_count: number }
}

export interface SyncAnswer {
  readonly next_batch: string
  readonly rooms: Readonly<Record<'join' | 'leave', Readonly<Record<string, RoomSection>>>> &
    Readonly<Record<'invite' | 'knock', Readonly<Record<string, unknown>>>>
}

/** What a client holds of a room. */
interface HeldRoom {
  membership: string
  /** The events since the newest gap, which `prevBatch` stands before. */
  run: string[]
  prevBatch: string
  readonly state: Map<string, string>
  joinedCount: number | undefined
  unread: number | undefined
}

export interface ClientParts {
  readonly name: string
  readonly userId: UserId
  readonly user: number
  readonly device: number
  readonly timelineLimit: number
  readonly replay: Replay
}

/** A client that keeps syncing, believes what it is told, and is compared with what it should have been told. */
export class SyncingClient {
  readonly name: string
  readonly userId: UserId
  readonly user: number
  readonly device: number
  readonly rooms = new Map<string, HeldRoom>()
  since: string | undefined
  /** How often its requests were answered. */
  answers = 0
  /** The request under way. */
  waiting: { readonly process: ServerProcess; readonly pending: Pending<LongText> | undefined } | undefined
  readonly #filter: CompiledFilter
  readonly #replay: Replay

  constructor({ name, userId, user, device, timelineLimit, replay }: ClientParts) {
    this.name = name
    this.userId = userId
    this.user = user
    this.device = device
    this.#replay = replay
    this.#filter = compileFilter({ room: { timeline: { limit: timelineLimit } } })
  }

  get viewer(): { readonly userId: UserId; readonly user: number; readonly device: number } {
    return { userId: this.userId, user: this.user, device: this.device }
  }

  /** Asks; `told` is called with the answer's text, or with what the request failed with, unless the client gave up. */
  async ask(process: ServerProcess, timeoutMs: number, told: (text: string | Error) => void): Promise<void> {
    const request = { process, pending: undefined }
    this.waiting = request
    const answered = (text: string | Error): void => {
      if (this.waiting?.process !== process) return
      this.waiting = undefined
      told(text)
    }
    try {
      const answer = await this.look(process, this.since, timeoutMs)
      if (this.waiting !== request) return
      if (typeof answer === 'string') {
        answered(answer)
        return
      }
      this.waiting = { process, pending: answer }
      const failed = (error: unknown): void => answered(asError(error))
      answer.deliverTo({ deliver: (text) => void wholeText(text).then(answered, failed), fail: failed })
    } catch (error) {
      if (this.waiting === request) answered(asError(error))
    }
  }

  async look(
    process: ServerProcess,
    since: string | undefined,
    timeoutMs: number,
  ): Promise<string | Pending<LongText>> {
    const { sync } = process.views
    const answer = await sync.sync({
      syncer: this.viewer,
      since: since === undefined ? undefined : await sync.since(since),
      filter: this.#filter,
      fullState: false,
      stateSection: 'state',
      timeoutMs,
    })
    return typeof answer === 'string' || 'rest' in answer ? wholeText(answer) : answer
  }

  giveUp(): void {
    const { waiting } = this
    this.waiting = undefined
    waiting?.pending?.abandon()
  }

  /** Takes an answer in and holds it against what should be in it. */
  take(text: string): SyncAnswer {
    const answer = JSON.parse(text) as SyncAnswer
    const { rooms } = answer
    const upTo = eventsOf(answer.next_batch)
    for (const [roomId, section] of Object.entries(rooms.join)) this.#takeRoom(roomId, section, 'join')
    for (const [roomId, section] of Object.entries(rooms.leave)) this.#takeRoom(roomId, section, 'leave')
    for (const section of ['invite', 'knock'] as const)
      for (const roomId of Object.keys(rooms[section])) this.#takeStripped(roomId, section)
    this.since = answer.next_batch
    this.answers++
    for (const room of this.#replay.rooms.values()) this.#check(room, upTo)
    return answer
  }

  #room(roomId: string): HeldRoom {
    const held = this.rooms.get(roomId)
    if (held !== undefined) return held
    const made: HeldRoom = {
      membership: '',
      run: [],
      prevBatch: '',
      state: new Map(),
      joinedCount: undefined,
      unread: undefined,
    }
    this.rooms.set(roomId, made)
    return made
  }

  /** Who was removed and asked back at once is not told of the room's last events: what the client held of it ends here. */
  #takeStripped(roomId: string, as: 'invite' | 'knock'): void {
    const held = this.#room(roomId)
    held.membership = as
    held.run = []
    held.prevBatch = ''
  }

  #takeRoom(roomId: string, { timeline, state, summary, unread_notifications: unread }: RoomSection, as: string): void {
    const held = this.#room(roomId)
    held.membership = as
    const ids = timeline.events.map((event) => event.event_id)
    if (held.prevBatch === '' || timeline.limited) {
      held.run = ids
      held.prevBatch = timeline.prev_batch
    } else {
      const again = ids.filter((id) => held.run.includes(id))
      insist(again.length === 0, () => `${this.name} is told again of ${again.join()} in ${roomId}`)
      held.run.push(...ids)
    }
    for (const event of [...state.events, ...timeline.events])
      if (event.state_key !== undefined) held.state.set(keyOf(event.type, event.state_key), event.event_id)
    const joined = summary?.['m.joined_member_count']
    if (typeof joined === 'number') held.joinedCount = joined
    if (unread === undefined) return
    held.unread = unread.notification_count
    const counts = [unread.notification_count, unread.highlight_count]
    insist(
      counts.every((count) => count >= 0),
      () => `${this.name} has counts below zero in ${roomId}: ${counts.join()}`,
    )
  }

  #check(room: ReplayedRoom, upTo: number): void {
    const step = room.stepAt(this.userId, upTo)
    const held = this.rooms.get(room.roomId)
    const where = `${this.name} in ${room.room} at ${upTo}`
    if (step?.membership === 'join') {
      insist(held?.membership === 'join', () => `${where}: joined, but the client has it as ${held?.membership}`)
      if (held === undefined) return
      this.#checkRun(room, held, upTo, where)
      const expected = [...room.stateAt(upTo)].map(([key, eventId]) => `${key} ${eventId}`)
      const found = [...held.state].map(([key, eventId]) => `${key} ${eventId}`)
      sameList(`${where}: the state`, found.sort(), expected.sort())
      return
    }
    if (step?.membership === 'invite' || step?.membership === 'knock')
      insist(
        held?.membership === step.membership,
        () => `${where}: ${step.membership}, but the client has it as ${held?.membership}`,
      )
    if ((step?.membership === 'leave' || step?.membership === 'ban') && held !== undefined) {
      insist(held.membership === 'leave', () => `${where}: ${step.membership}, but the client has ${held.membership}`)
      const end = room.endOfStay(this.userId, upTo)
      if (end !== undefined && held.prevBatch !== '') this.#checkRun(room, held, end, where)
    }
  }

  /** From the newest gap on nothing is left out, and only current state may be there that history visibility hides. */
  #checkRun(room: ReplayedRoom, held: HeldRoom, upTo: number, where: string): void {
    const after = eventsOf(held.prevBatch)
    const between = room.events.filter(({ position }) => position > after && position <= upTo)
    const found = held.run.flatMap((id) => this.#replay.find(id) ?? [])
    insist(found.length === held.run.length, () => `${where}: was told of events that are not there`)
    const hidden = found.filter((one) => !room.sees(this.userId, one, upTo))
    const unfit = hidden.filter(({ event }) => event.stateKey === undefined)
    insist(unfit.length === 0, () => `${where}: was shown ${unfit.map(({ event }) => event.eventId).join()}`)
    const wanted = between.filter((one) => room.sees(this.userId, one, upTo) || hidden.includes(one))
    const ids = (list: readonly ReplayedEvent[]): string[] => list.map(({ event }) => event.eventId)
    const told = found.filter(({ position }) => position <= upTo)
    sameList(`${where}: the timeline since ${held.prevBatch}`, ids(told), ids(wanted))
  }

  /** Pages from the newest gap back to the room's beginning: all that the client may see, each once, newest first. */
  async checkHistory(process: ServerProcess): Promise<void> {
    for (const [roomId, held] of this.rooms) {
      const room = this.#replay.rooms.get(roomId as RoomId)
      if (room === undefined || held.membership !== 'join') continue
      const after = eventsOf(held.prevBatch)
      const wanted = room.events
        .filter((one) => one.position <= after && room.sees(this.userId, one, Number.MAX_SAFE_INTEGER))
        .map(({ event }) => event.eventId)
      const found = await this.#pages(process, roomId as RoomId, held.prevBatch)
      sameList(`${this.name}: history of ${roomId} before ${held.prevBatch}`, found.toReversed(), wanted)
    }
  }

  async #pages(process: ServerProcess, roomId: RoomId, from: string): Promise<string[]> {
    const found: string[] = []
    let token: string | undefined = from
    while (token !== undefined) {
      const request = {
        roomId,
        direction: 'backward' as const,
        from: token,
        to: undefined,
        limit: 7,
        filter: undefined,
      }
      const page = JSON.parse(await wholeText(await process.views.timeline.messages(request, this.viewer))) as {
        readonly chunk: readonly WireEvent[]
        readonly end?: string
      }
      found.push(...page.chunk.map((event) => event.event_id))
      insist(page.end !== token, () => `${this.name}: the page before ${token} ends where it began`)
      token = page.end
    }
    return found
  }
}

/** The position of the stream of events in a token. */
const eventsOf = (token: string): number => {
  const position = parsePageToken(token)
  if (position === undefined) throw new Violation(`${token} is no token`)
  return position
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))
