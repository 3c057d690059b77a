import type { DurablePositions, DurableStreamName, EphemeralStreamName, StreamName } from './positions.ts'

/** Something happened in a stream: members of these rooms, and these users, may have news. Internal numbers, not ids. */
export interface News {
  readonly stream: StreamName | DurableStreamName
  readonly position: number
  readonly rooms: readonly number[]
  readonly users: readonly number[]
  /**
   * A user: members of the rooms that they are in may have news as well. The news comes without these rooms, and each process finds
   * them for its own listeners, see `NewsAround`.
   */
  readonly around?: number
}

/** News of one committed group, with the streams that it moved, from where to where. */
export interface CommittedNews {
  readonly kind: 'committed'
  /** A receiver whose own positions lie below these has missed news. */
  readonly before: Partial<DurablePositions>
  readonly positions: Partial<DurablePositions>
  readonly news: readonly News[]
}

/** News of a stream in memory. */
export interface EphemeralNews {
  readonly kind: 'ephemeral'
  /** Number of the process that announced it. */
  readonly process: number
  readonly news: News & { readonly stream: EphemeralStreamName }
}

export type BusMessage = CommittedNews | EphemeralNews

/** Carries news to all processes of a homeserver, this one included. Messages of other processes may be late, lost or reordered. */
export interface Bus {
  /** Subscribers of this process have received the message when the call returns. */
  publish(message: BusMessage): void
  subscribe(receive: (message: BusMessage) => void): void
}

/** The bus of a homeserver that is a single process. */
export class InProcessBus implements Bus {
  readonly #subscribers: ((message: BusMessage) => void)[] = []

  publish(message: BusMessage): void {
    for (const receive of this.#subscribers) receive(message)
  }

  subscribe(receive: (message: BusMessage) => void): void {
    this.#subscribers.push(receive)
  }
}
