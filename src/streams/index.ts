export * from './long-poll.ts'
export * from './positions.ts'
export * from './streams.ts'
export * from './tokens.ts'
