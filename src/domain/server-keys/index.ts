export * from './own-keys.ts'
