export { AnsweredOnce, type TransactionAnswers, type TransactionKey, withPutTwins } from './answered-once.ts'
export type { Listener, PortListener } from './connections/sockets.ts'
export { createEdge, type Edge, type EdgeLimits, type EdgeOptions } from './edge.ts'
export * from './endpoint/answer.ts'
export * from './endpoint/auth.ts'
export * from './endpoint/endpoint.ts'
export * from './endpoint/paths.ts'
export * from './endpoint/requester.ts'
export * from './endpoint/token-issuer.ts'
export { createMetrics, type HistogramReading, type LabelledReading, type Metrics, type Reading } from './metrics.ts'
export { noOtherServers, type RequestSignatures } from './reading/request-signatures.ts'
export { RequestCounts } from './request-counts.ts'
export {
  addressKey,
  addressRangeKey,
  createRateLimiter,
  ExchangeableRateLimiter,
  noRateLimits,
  type RateBudget,
  type RateBudgets,
  type RateLimiter,
} from './serving/rate-limits.ts'
export type { EdgeReports, Observe } from './serving/serving.ts'
