import { type Ledger, MARK } from './ledger.ts'
import { type Account, enc, type Json, type Wire } from './wire.ts'

export interface Seen {
  readonly eventId: string
  readonly writer: string | undefined
  readonly n: number
}

export const seenOf = (event: Json): Seen => ({
  eventId: event.event_id,
  writer: event.content?.[MARK]?.writer,
  n: event.content?.[MARK]?.n ?? 0,
})

/** One room's news within one answer of `/sync`, the gap before a limited timeline already filled. */
interface RoomNews {
  readonly roomId: string
  readonly events: readonly Json[]
  readonly accountData: readonly Json[]
}

const PAGE = 200

/**
 * A client that goes on with its token: it takes an answer of `/sync` whole, with what it left out, or not at all, as one does
 * that stores what it saw together with the token.
 */
export class Watcher {
  readonly #name: string
  readonly #wire: Wire
  readonly #account: Account
  readonly #ledger: Ledger
  readonly #filter: string
  /**
   * Events of other servers arrive in another order than history has them: what a limited timeline left out may lie anywhere in the history, so that is
   * read from its end, and what comes meanwhile is then told once more.
   */
  readonly #isFederated: boolean
  readonly #fromHistory = new Set<string>()
  readonly #known = new Set<string>()
  #since: string | undefined
  readonly rooms = new Map<string, Seen[]>()
  readonly accountData = new Map<string, number>()
  readonly invites = new Set<string>()
  limitedTimelines = 0

  constructor(
    shared: { readonly wire: Wire; readonly ledger: Ledger },
    name: string,
    account: Account,
    timelineLimit: number,
    { isFederated = false }: { readonly isFederated?: boolean } = {},
  ) {
    this.#isFederated = isFederated
    this.#wire = shared.wire
    this.#ledger = shared.ledger
    this.#name = name
    this.#account = account
    this.#filter = enc(JSON.stringify({ room: { timeline: { limit: timelineLimit } } }))
  }

  has(eventId: string): boolean {
    return this.#known.has(eventId)
  }

  /** False where there was no answer: then nothing has changed. */
  async sync(timeoutMs: number): Promise<boolean> {
    const since = this.#since === undefined ? '' : `&since=${enc(this.#since)}`
    const path = `/v3/sync?filter=${this.#filter}&timeout=${timeoutMs}${since}`
    const reply = await this.#wire.ask({ method: 'GET', path, token: this.#account.token })
    if (!this.#ledger.judge(`/sync of the ${this.#name}`, reply)) return false
    const news: RoomNews[] = []
    for (const [roomId, room] of Object.entries<Json>(reply.body.rooms?.join ?? {})) {
      const before = room.timeline?.limited === true ? await this.#gap(roomId, room.timeline.prev_batch) : []
      if (before === undefined) return false
      const events = [...before, ...(room.timeline?.events ?? [])]
      news.push({ roomId, events, accountData: room.account_data?.events ?? [] })
    }
    for (const room of news) this.#take(room)
    for (const event of reply.body.account_data?.events ?? []) this.#takeData(event.type, event)
    for (const roomId of Object.keys(reply.body.rooms?.invite ?? {})) this.#takeInvite(roomId)
    this.#since = reply.body.next_batch
    return true
  }

  /** What a limited timeline left out: backwards from where it begins to where the last answer ended. */
  async #gap(roomId: string, from: string): Promise<readonly Json[] | undefined> {
    if (this.#since !== undefined) this.limitedTimelines += 1
    const events: Json[] = []
    let next: string | undefined = from
    while (next !== undefined) {
      const to: string = this.#since === undefined || this.#isFederated ? '' : `&to=${enc(this.#since)}`
      const start: string = this.#isFederated && next === from ? '' : `&from=${enc(next)}`
      const path: string = `/v3/rooms/${enc(roomId)}/messages?dir=b&limit=${PAGE}${start}${to}`
      const reply = await this.#wire.ask({ method: 'GET', path, token: this.#account.token })
      if (!this.#ledger.judge(`/messages of the ${this.#name}`, reply)) return undefined
      const isNew = ({ event_id: eventId }: Json): boolean => !(this.#isFederated && this.#known.has(eventId))
      const found: Json[] = reply.body.chunk.filter(isNew)
      events.push(...found)
      if (this.#isFederated) for (const { event_id: eventId } of found) this.#fromHistory.add(eventId)
      next = reply.body.end
    }
    return events.reverse()
  }

  #take({ roomId, events, accountData }: RoomNews): void {
    let seen = this.rooms.get(roomId)
    if (seen === undefined) {
      seen = []
      this.rooms.set(roomId, seen)
    }
    for (const event of events) {
      if (this.#known.has(event.event_id) && this.#fromHistory.delete(event.event_id)) continue
      if (this.#known.has(event.event_id)) {
        this.#ledger.faults.push(`the ${this.#name} got ${event.event_id} (${JSON.stringify(event.content)}) twice`)
        continue
      }
      this.#known.add(event.event_id)
      seen.push(seenOf(event))
    }
    for (const event of accountData) this.#takeData(`${event.type} ${roomId}`, event)
  }

  #takeData(key: string, event: Json): void {
    const n: unknown = event.content?.[MARK]?.n
    if (typeof n !== 'number') return
    const before = this.accountData.get(key) ?? 0
    const repeated = n === before && !this.#ledger.dataOf(key).askedAgain.has(n)
    if (n < before || repeated) this.#ledger.faults.push(`the ${this.#name} got ${key} ${n} after ${before}`)
    this.accountData.set(key, n)
  }

  #takeInvite(roomId: string): void {
    if (this.invites.has(roomId)) this.#ledger.faults.push(`the ${this.#name} was invited to ${roomId} twice`)
    this.invites.add(roomId)
  }
}
