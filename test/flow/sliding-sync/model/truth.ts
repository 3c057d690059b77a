import type { Json } from '../../../support/client.ts'

/** An event, as far as clients tell them apart here: contents are never sent twice. */
export interface TrueEvent {
  readonly words: string
  readonly id: string | undefined
  readonly type: string
  readonly stateKey: string | undefined
  readonly sender: string
  /** Among all events of all rooms. */
  readonly place: number
}

export type Membership = 'none' | 'invite' | 'join' | 'leave' | 'kicked' | 'ban'

/** The words that tell an event from all others of its room. */
export const wordsOf = ({ type, state_key, content, sender }: Json): string =>
  [type, state_key ?? '-', content.membership ?? content.body ?? JSON.stringify(content), sender].join(' ')

export interface TrueReceipt {
  readonly eventId: string
  readonly at: number
}

/** One room: everything that happened there, and what follows from it for one reader. */
export class TrueRoom {
  readonly id: string
  readonly events: TrueEvent[] = []
  /** The words of the event in force. */
  readonly state = new Map<string, string>()
  readonly members = new Map<string, string>()
  /** By type, user and thread. */
  readonly receipts = new Map<string, TrueReceipt>()
  readonly accountData = new Map<string, Json>()
  readonly typing = new Set<string>()
  name = ''
  mine: Membership = 'none'
  wasJoined = false
  /** How many events the reader sees; all of them while joined. */
  #seen: number | undefined
  /** The reader came and went without being joined: the proposals do not say which events they then see. */
  isVague = false
  #minePlace = 0

  constructor(id: string) {
    this.id = id
  }

  add(event: Omit<TrueEvent, 'words'>, content: Json): void {
    const { type, stateKey, sender } = event
    const words = wordsOf({ type, state_key: stateKey, content, sender })
    this.events.push({ ...event, words })
    if (stateKey === undefined) return
    this.state.set(keyOfState(type, stateKey), words)
    if (type === 'm.room.name') this.name = content.name
    if (type === 'm.room.member') this.members.set(stateKey, content.membership)
  }

  /** The reader's membership changed by the newest event. */
  becomes(mine: Membership): void {
    this.isVague = mine !== 'join' && this.mine !== 'join' && this.wasJoined
    if (this.mine === 'join' || !this.wasJoined) this.#seen = this.events.length
    if (mine === 'join') this.#seen = undefined
    this.mine = mine
    this.wasJoined ||= mine === 'join'
    this.#minePlace = this.events.at(-1)?.place ?? 0
  }

  /** Events that the reader sees, oldest first; rooms here show their history to members. */
  get visible(): readonly TrueEvent[] {
    return this.events.slice(0, this.#seen)
  }

  /** The place by which lists are ordered. */
  get place(): number {
    return this.mine === 'join' ? (this.events.at(-1)?.place ?? 0) : this.#minePlace
  }

  /** The place by which clients order their own lists. */
  get bumpPlace(): number {
    if (this.mine !== 'join') return this.#minePlace
    return this.events.filter(({ type }) => BUMPING.has(type)).at(-1)?.place ?? 0
  }

  count(membership: string): number {
    return [...this.members.values()].filter((each) => each === membership).length
  }
}

const BUMPING = new Set(['m.room.create', 'm.room.message'])

export const keyOfState = (type: string, stateKey: string): string => `${type} ${stateKey}`
