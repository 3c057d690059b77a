export * from './ports/change.ts'
export * from './ports/rooms.ts'
