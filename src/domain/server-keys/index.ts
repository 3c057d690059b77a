export * from './key-ring.ts'
export * from './own-keys.ts'
export * from './request-signers.ts'
