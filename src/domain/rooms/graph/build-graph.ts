import type { CacheStats, Clock, Logger, Random } from '#base'
import type { ServerName } from '#spec'
import type { Commit, RoomsReader, RoomsWriter } from '#store'
import type { Rooms } from '../turns/rooms.ts'
import { BranchJoins } from './branch-joins.ts'
import { BranchStates } from './branch-states.ts'
import { LateRedactions } from './late-redactions.ts'
import { Outliers } from './outliers.ts'
import { RoomEntrances } from './room-entrance.ts'
import { RoomEvents } from './room-events.ts'
import type { RoomGraph } from './room-graph.ts'
import { RoomStates } from './room-states.ts'
import { StateResolver } from './state-resolver.ts'
import { StoredRoomGraph } from './stored-room-graph.ts'

export interface RoomGraphOptions {
  readonly rooms: Rooms
  readonly reader: RoomsReader
  readonly writer: RoomsWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly serverName: ServerName
  /** For each of its caches. */
  readonly cacheLimitBytes: number
}

/** The graph of all rooms, and the sizes of its caches. */
export interface BuiltGraph {
  readonly graph: RoomGraph
  readonly joins: BranchJoins
  readonly caches: readonly { stats(): CacheStats }[]
}

export const roomGraph = (options: RoomGraphOptions): BuiltGraph => {
  const { rooms, reader, writer, commit, clock, cacheLimitBytes, random, logger, serverName } = options
  const events = new RoomEvents({ reader, clock, limitBytes: cacheLimitBytes })
  const states = new RoomStates(reader)
  const resolver = new StateResolver({ states, events, clock, limitBytes: cacheLimitBytes })
  const branches = new BranchStates({ reader, events, states, resolver })
  const redactions = new LateRedactions({ reader, events, states })
  const outliers = new Outliers({ reader, events, commit, writer, clock })
  const entrance = new RoomEntrances({ rooms, reader, writer, commit, outliers, events, clock })
  const intake = { reader, events, branches, redactions }
  const joins = new BranchJoins({ rooms, reader, intake, serverName, clock, random, logger })
  const graph = new StoredRoomGraph({ rooms, reader, states, branches, outliers, entrance, intake, joins })
  return { graph, joins, caches: [events, resolver] }
}
