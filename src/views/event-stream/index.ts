export { EventStream, type EventsRequest } from './events.ts'
export { InitialSync, type InitialSyncRequest } from './initial-sync.ts'
export { oldRange } from './old-range.ts'
