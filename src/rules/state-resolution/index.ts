export type { Conflict, EventLookup, MissingEvents, StateMap, UnconflictedState } from './conflict.ts'
export { findConflict } from './conflict.ts'
export { resolveConflicts, resolveState } from './resolve.ts'
