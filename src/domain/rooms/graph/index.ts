export type { ReceivedEvent, ReceiveOptions, RoomEntry, RoomGraph, Verdict } from './room-graph.ts'
