export * from './edus.ts'
export * from './elsewhere/index.ts'
export * from './receive-transactions.ts'
export * from './staged-edus.ts'
