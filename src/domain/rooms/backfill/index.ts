export * from './backfill.ts'
