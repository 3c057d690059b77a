export * from './interactive-auth.ts'
export * from './session-table.ts'
export * from './stages.ts'
