export * from './pushers.ts'
