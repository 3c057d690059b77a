import type { CacheStats, Clock } from '#base'
import type { Commit, RoomsReader, RoomsWriter } from '#store'
import type { Rooms } from '../rooms.ts'
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
  /** For each of its caches. */
  readonly cacheLimitBytes: number
}

/** The graph of all rooms, and the sizes of its caches. */
export interface BuiltGraph {
  readonly graph: RoomGraph
  readonly caches: readonly { stats(): CacheStats }[]
}

export const roomGraph = ({ rooms, reader, writer, commit, clock, cacheLimitBytes }: RoomGraphOptions): BuiltGraph => {
  const events = new RoomEvents({ reader, clock, limitBytes: cacheLimitBytes })
  const states = new RoomStates(reader)
  const resolver = new StateResolver({ states, events, limitBytes: cacheLimitBytes })
  const branches = new BranchStates({ reader, events, states, resolver })
  const redactions = new LateRedactions({ reader, events, states })
  const outliers = new Outliers({ reader, events, commit, writer, clock })
  const entrance = new RoomEntrances({ rooms, reader, writer, commit, outliers, events, clock })
  const intake = { reader, events, branches, redactions }
  const graph = new StoredRoomGraph({ rooms, reader, states, branches, outliers, entrance, intake })
  return { graph, caches: [events, resolver] }
}
