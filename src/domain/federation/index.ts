export * from './edus.ts'
