export * from './mail-unsubscribe.ts'
export * from './pushers.ts'
