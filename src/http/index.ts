export { AnsweredOnce, withPutTwins } from './answered-once.ts'
export * from './endpoint.ts'
export { type ByteRange, FileReply, type ServedFile } from './file-reply.ts'
export { type Html, type HtmlPage, html, htmlReply, PageScript } from './html-page.ts'
export { createMetrics, type HistogramReading, type Metrics, type Reading } from './metrics.ts'
export {
  addressKey,
  createRateLimiter,
  noRateLimits,
  type RateBudget,
  type RateBudgets,
  type RateLimiter,
} from './rate-limits.ts'
export { createEdge, DEFAULT_BODY_BYTES, type Edge, type EdgeLimits, type EdgeOptions, type Observe } from './server.ts'
export type { Listener } from './sockets.ts'
