export { type BuiltGraph, type RoomGraphOptions, roomGraph } from './build-graph.ts'
export { RoomEvents } from './room-events.ts'
export type { ReceivedEvent, ReceiveOptions, RoomEntry, RoomGraph, Verdict } from './room-graph.ts'
export { StateResolver } from './state-resolver.ts'
