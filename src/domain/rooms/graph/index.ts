export type { CheckedEvent, ReceivedEvent, ReceiveOptions, RoomEntry, RoomGraph, Verdict } from './room-graph.ts'
