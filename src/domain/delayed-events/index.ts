export * from './delayed-events.ts'
export * from './due-events.ts'
export * from './overwritten-state.ts'
export * from './send-delayed.ts'
