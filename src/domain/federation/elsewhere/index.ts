export * from './remote-profiles.ts'
export * from './remote-public-rooms.ts'
export * from './remote-spaces.ts'
export type { RemoteSummary } from './room-summary.ts'
