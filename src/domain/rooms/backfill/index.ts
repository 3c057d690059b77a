export * from './backfill.ts'
export * from './moments-elsewhere.ts'
