export * from './ports/change.ts'
export * from './ports/faults.ts'
export * from './ports/rooms.ts'
export { writers } from './sql/ports.ts'
