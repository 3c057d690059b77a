import type { Account, Reply } from './wire.ts'

/** In the content of every event of the load: whose it is, and the how-many-eth of that writer. */
export const MARK = 'org.example.crash'

export interface AcknowledgedEvent {
  readonly roomId: string
  readonly writer: string
  readonly n: number
  readonly eventId: string
  /** Ticks of the ledger: when it was first asked for, and when a 200 came back. */
  readonly askedAt: number
  readonly acknowledgedAt: number
}

export interface AccountDataState {
  acknowledged: number
  asked: number
  /** Those asked for more than once: they may have been written twice, and then are news twice. */
  readonly askedAgain: Set<number>
}

export interface MadeRoom {
  readonly alias: string
  readonly roomId: string
}

export type Settled = 'acknowledged' | 'unanswered'

/** All that the server has promised: what it answered with 200, in the order of the answers. */
export class Ledger {
  readonly events: AcknowledgedEvent[] = []
  readonly accounts: Account[] = []
  readonly rooms: MadeRoom[] = []
  readonly accountData = new Map<string, AccountDataState>()
  accountDataWrites = 0
  /** Pushers, presence lists, filters, names. */
  personalWrites = 0
  /** E-mail addresses, each proved by a mail. */
  addresses = 0
  /** Messages to devices, keys in backups, one-time keys that were claimed. */
  directMessages = 0
  backedUpKeys = 0
  claims = 0
  /** Asked again after a restart because no answer had come. */
  askedAgain = 0
  /** What was promised and is not there. */
  readonly lost: string[] = []
  /** What is there twice, in another order than promised, by halves, or answered with what it should not be. */
  readonly faults: string[] = []
  /** Whether the server may say for a while that its database is away. */
  mayBeUnavailable = false
  unavailableAnswers = 0
  #ticks = 0

  tick(): number {
    this.#ticks += 1
    return this.#ticks
  }

  get acknowledgedWrites(): number {
    return (
      this.events.length +
      this.accounts.length +
      this.rooms.length +
      this.accountDataWrites +
      this.personalWrites +
      this.addresses +
      this.directMessages +
      this.backedUpKeys +
      this.claims
    )
  }

  dataOf(key: string): AccountDataState {
    let state = this.accountData.get(key)
    if (state === undefined) {
      state = { acknowledged: 0, asked: 0, askedAgain: new Set() }
      this.accountData.set(key, state)
    }
    return state
  }

  /** True where it was answered 200, false where nobody knows; what is neither is a fault. */
  judge(what: string, reply: Reply | undefined): reply is Reply {
    if (reply === undefined) return false
    if (reply.status === 200) return true
    if (this.mayBeUnavailable && isUnavailableReply(reply)) {
      this.unavailableAnswers += 1
      return false
    }
    this.faults.push(`${what} was answered ${reply.status} ${JSON.stringify(reply.body)}`)
    return false
  }

  summary(): string {
    const { events, accounts, rooms, accountDataWrites, personalWrites, addresses, askedAgain } = this
    const encryption = `${this.directMessages} messages to devices, ${this.backedUpKeys} keys in backups, ${this.claims} claims`
    return `${this.acknowledgedWrites} acknowledged writes (${events.length} events, ${accounts.length} registrations, ${rooms.length} rooms, ${accountDataWrites} account data, ${personalWrites} of persons, ${addresses} addresses, ${encryption}; ${askedAgain} asked again), ${this.lost.length} lost, ${this.faults.length} other faults`
  }
}

/** "Not now": what a client gets while the database is away (server's design: 5xx, `M_UNKNOWN`, a hint when to come back). */
export const isUnavailableReply = ({ status, body, headers }: Reply): boolean =>
  status === 503 && body.errcode === 'M_UNKNOWN' && Number(headers['retry-after']) >= 1
