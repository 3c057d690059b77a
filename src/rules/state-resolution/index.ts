export type { Conflict, EventLookup, MissingEvents, StateMap, UnconflictedState } from './conflict.ts'
export { findConflict } from './conflict.ts'
export { resolveConflicts, resolveInSteps, resolveState } from './resolve.ts'
export type { ResolutionSteps } from './steps.ts'
