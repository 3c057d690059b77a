export * from './overview.ts'
export * from './refused.ts'
export { frameOf } from './sections.ts'
