export * from './endpoint.ts'
export { createRateLimiter, noRateLimits, type RateBudget, type RateBudgets, type RateLimiter } from './rate-limits.ts'
export { createEdge, DEFAULT_BODY_BYTES, type Edge, type EdgeLimits, type EdgeOptions, type Observe } from './server.ts'
export type { Listener } from './sockets.ts'
