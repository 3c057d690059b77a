import type { RoomId, ServerName } from '#spec'
import type { RoomOverviewsReader } from '#store'

/** How the sending to a server does. Times are milliseconds since 1970. */
export interface DestinationNow {
  readonly server: ServerName
  readonly pending: number
  readonly behind: boolean
  readonly failures: number
  readonly failingSinceMs: number | undefined
  readonly retryAtMs: number | undefined
  readonly lastSuccessMs: number | undefined
}

export const DESTINATION_ORDERS = [
  'destination',
  'retry_last_ts',
  'retry_interval',
  'failure_ts',
  'last_successful_stream_ordering',
] as const
export type DestinationOrder = (typeof DESTINATION_ORDERS)[number]

export interface DestinationsQuery {
  /** Part of a name. */
  readonly term?: string | undefined
  readonly order: DestinationOrder
  readonly reversed: boolean
  readonly offset: number
  readonly limit: number
}

export interface DestinationsParts {
  readonly reader: Pick<RoomOverviewsReader, 'neighbours' | 'roomsOfServer'>
  readonly sending: { statuses(): readonly DestinationNow[] }
  readonly nowMs: () => number
}

/** The other servers of the federation, as administrators are shown them: those in rooms here, and those to which something was sent. */
export class AdminDestinations {
  readonly #parts: DestinationsParts

  constructor(parts: DestinationsParts) {
    this.#parts = parts
  }

  async page({ term, order, reversed, offset, limit }: DestinationsQuery): Promise<{
    readonly destinations: readonly DestinationNow[]
    readonly total: number
  }> {
    const known = await this.#all()
    const wanted = term === undefined ? known : known.filter(({ server }) => server.includes(term.toLowerCase()))
    const value = (one: DestinationNow): number => rankOf(one, order, this.#parts.nowMs())
    const byName = (one: DestinationNow, other: DestinationNow): number => (one.server < other.server ? -1 : 1)
    const sorted = wanted.toSorted(
      (one, other) => (order === 'destination' ? 0 : value(one) - value(other)) || byName(one, other),
    )
    if (reversed) sorted.reverse()
    return { destinations: sorted.slice(offset, offset + limit), total: sorted.length }
  }

  /** undefined: this server knows none of that name. */
  async find(server: ServerName): Promise<DestinationNow | undefined> {
    return (await this.#all()).find((one) => one.server === server)
  }

  /** The rooms that the server is in, by their ids. */
  rooms(
    server: ServerName,
    page: { readonly reversed: boolean; readonly offset: number; readonly limit: number },
  ): Promise<{ readonly roomIds: readonly RoomId[]; readonly total: number }> {
    const { reversed, ...rest } = page
    return this.#parts.reader.roomsOfServer(server, { ...rest, direction: reversed ? 'descending' : 'ascending' })
  }

  async #all(): Promise<readonly DestinationNow[]> {
    const statuses = this.#parts.sending.statuses()
    const told = new Set(statuses.map(({ server }) => server))
    const silent = (await this.#parts.reader.neighbours()).filter((name) => !told.has(name))
    return [...statuses, ...silent.map(untried)]
  }
}

const untried = (server: ServerName): DestinationNow => ({
  ...{ server, pending: 0, behind: false, failures: 0 },
  ...{ failingSinceMs: undefined, retryAtMs: undefined, lastSuccessMs: undefined },
})

/** Time from now until the server is tried again; 0 for one that works. */
export const retryInMs = ({ retryAtMs }: DestinationNow, nowMs: number): number =>
  Math.max(0, (retryAtMs ?? nowMs) - nowMs)

const rankOf = (one: DestinationNow, order: DestinationOrder, nowMs: number): number => {
  switch (order) {
    case 'retry_interval':
      return retryInMs(one, nowMs)
    case 'retry_last_ts':
    case 'failure_ts':
      return one.failingSinceMs ?? 0
    default:
      return 0
  }
}
