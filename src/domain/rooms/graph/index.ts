export { type BuiltGraph, type RoomGraphOptions, roomGraph } from './build-graph.ts'
export type { ReceivedEvent, ReceiveOptions, RoomEntry, RoomGraph, Verdict } from './room-graph.ts'
