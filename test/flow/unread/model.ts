import type { Json } from '../../support/client.ts'

/** An event, as far as rules and counts look at it. */
export interface ModelEvent {
  readonly id: string
  readonly sender: string
  readonly type: string
  readonly body: string
  readonly msgtype?: string
  readonly mentionsReader?: boolean
  readonly mentionsRoom?: boolean
  readonly relation?: { readonly type: string; readonly target: string }
  redacted: boolean
  /** As it was when the event was sent. */
  readonly senderLevel: number
  readonly members: number
  readonly readerName: string
}

export interface Count {
  readonly notification_count: number
  readonly highlight_count: number
}

export interface RoomCounts {
  readonly room: Count
  readonly main: Count
  readonly threads: Readonly<Record<string, Count>>
}

const MAX_HOPS = 3

/** One room as its reader sees it. Places are indices of `events`. */
export class ModelRoom {
  readonly events: ModelEvent[] = []
  readonly levels = new Map<string, number>()
  readonly joined = new Set<string>()
  readonly #read = new Map<string, number>()
  readerName = ''
  isJoined = true
  stayBegins = 0

  add(event: Omit<ModelEvent, 'redacted' | 'senderLevel' | 'members' | 'readerName'>): void {
    const senderLevel = this.levels.get(event.sender) ?? 0
    const { readerName } = this
    this.events.push({ ...event, redacted: false, senderLevel, members: this.joined.size + 1, readerName })
  }

  event(id: string): ModelEvent | undefined {
    return this.events.find((event) => event.id === id)
  }

  /** The thread that the event is in, by up to three hops. */
  threadOf(event: ModelEvent): string {
    let here: ModelEvent | undefined = event
    for (let hop = 0; hop <= MAX_HOPS && here !== undefined; hop++) {
      const relation: ModelEvent['relation'] = here.redacted ? undefined : here.relation
      if (relation === undefined) return 'main'
      if (relation.type === 'm.thread') return relation.target
      here = this.event(relation.target)
    }
    return 'main'
  }

  /** Whether the event has to do with the thread at all: it is in it, is its root, or leads to the root. */
  isRelated(event: ModelEvent, thread: string): boolean {
    if (this.threadOf(event) === thread) return true
    let here: ModelEvent | undefined = event
    for (let hop = 0; hop <= MAX_HOPS && here !== undefined; hop++) {
      if (here.id === thread) return true
      const relation: ModelEvent['relation'] = here.redacted ? undefined : here.relation
      here = relation === undefined ? undefined : this.event(relation.target)
    }
    return false
  }

  read(event: ModelEvent, thread: string | undefined): void {
    const key = thread ?? ''
    this.#read.set(key, Math.max(this.#read.get(key) ?? -1, this.events.indexOf(event)))
  }

  isUnread(event: ModelEvent, place: number): boolean {
    const readUpTo = Math.max(this.#read.get('') ?? -1, this.#read.get(this.threadOf(event)) ?? -1)
    return place >= this.stayBegins && place > readUpTo
  }
}

export interface Verdict {
  readonly notify: boolean
  readonly highlight: boolean
}

const NOTHING: Verdict = { notify: false, highlight: false }
const NOTIFY: Verdict = { notify: true, highlight: false }
const HIGHLIGHT: Verdict = { notify: true, highlight: true }

/** The reader's own rules: mutes and the rule for one's own name most important first, a keyword, and one predefined rule turned off. */
export class ModelRules {
  overrides: ({ readonly kind: 'mute'; readonly room: ModelRoom } | { readonly kind: 'name' })[] = []
  keyword = false
  messages = true
  /** undefined until the reader first subscribed to a thread; ended subscriptions are not in it. */
  subscribed: Set<string> | undefined

  judge(room: ModelRoom, event: ModelEvent): Verdict {
    const { type, body, relation } = event
    if (type !== 'm.room.message' && type !== 'm.reaction') return NOTHING
    const words = body.split(' ')
    for (const rule of this.overrides) {
      if (rule.kind === 'mute' && rule.room === room) return NOTHING
      if (rule.kind === 'name' && words.includes(event.readerName)) return HIGHLIGHT
    }
    if (event.msgtype === 'm.notice') return NOTHING
    if (event.mentionsReader) return HIGHLIGHT
    if (event.mentionsRoom && event.senderLevel >= 50) return HIGHLIGHT
    if (type === 'm.reaction' || relation?.type === 'm.replace') return NOTHING
    if (this.keyword && words.includes('cake')) return HIGHLIGHT
    const thread = room.threadOf(event)
    if (this.subscribed !== undefined && thread !== 'main') return this.subscribed.has(thread) ? NOTIFY : NOTHING
    return event.members === 2 || this.messages ? NOTIFY : NOTHING
  }
}

/** The counts of one room, from everything that happened, with no regard to cost. */
export const countsOf = (
  room: ModelRoom,
  rules: ModelRules,
  readerId: string,
  ignored: ReadonlySet<string>,
): RoomCounts => {
  const total = { notification_count: 0, highlight_count: 0 }
  const byThread: Record<string, { notification_count: number; highlight_count: number }> = {}
  room.events.forEach((event, place) => {
    if (event.sender === readerId || ignored.has(event.sender) || event.redacted) return
    if (!room.isUnread(event, place)) return
    const { notify, highlight } = rules.judge(room, event)
    if (!notify) return
    const thread = room.threadOf(event)
    byThread[thread] ??= { notification_count: 0, highlight_count: 0 }
    for (const count of [total, byThread[thread]]) {
      count.notification_count++
      if (highlight) count.highlight_count++
    }
  })
  const { main = { notification_count: 0, highlight_count: 0 }, ...threads } = byThread
  return { room: total, main, threads }
}

/** Counts that one device was told, all of its syncs together. */
export class Told {
  readonly #rooms = new Map<string, RoomCounts>()

  take({ rooms = {} }: Json): void {
    for (const [roomId, room] of Object.entries<Json>(rooms.join ?? {})) {
      const { unread_notifications: main, unread_thread_notifications: threads = {} } = room
      if (main !== undefined) this.#rooms.set(roomId, { room: main, main, threads })
    }
    for (const roomId of Object.keys(rooms.leave ?? {})) this.#rooms.delete(roomId)
  }

  of(roomId: string): RoomCounts {
    const none = { notification_count: 0, highlight_count: 0 }
    return this.#rooms.get(roomId) ?? { room: none, main: none, threads: {} }
  }
}
