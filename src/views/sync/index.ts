export * from './request.ts'
export { RoomSections } from './room-sections.ts'
export { RoomStateSection } from './room-state.ts'
export * from './sync.ts'
