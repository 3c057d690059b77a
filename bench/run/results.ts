import type { LatencySummary } from '../measure/stats.ts'

/** What one process tree used during one measured stretch. */
export type ServerUse = {
  cpuMs: number
  /** Cores kept busy on average: 1 is one whole core. */
  cores: number
  cpuMsPerOperation?: number
  rssBytes: number
  peakRssBytes: number
  threads: number
  processes: number
}

/** One case on one target in one round. */
export type CaseResult = {
  scenario: string
  case: string
  target: string
  /** From 1. */
  round: number
  operations: number
  errors: number
  limited: number
  firstError?: string
  elapsedMs: number
  ratePerSecond: number
  latencyMs?: LatencySummary
  answerBytesMean?: number
  items?: { unit: string; perSecond: number }
  server?: ServerUse
  /** Cores the bench itself kept busy; near 1 the figure shows the bench's limit and not the server's. */
  loadCores: number
}

/** How fast this machine could do one part of a send, whatever the server. */
export type Limit = {
  name: 'http-echo' | 'sqlite-append' | 'ed25519-sign'
  /** Requests under way for HTTP, events in one commit for SQLite, 1 for signing. */
  width: number
  ratePerSecond: number
}

export type Nearness = {
  target: string
  case: string
  ratePerSecond: number
  /** Shares of each limit, 1 being the limit itself. */
  ofHttpEcho: number
  ofSqliteAppend: number
  ofSigning: number
  /** Of what one core could do that did nothing but answer HTTP, append durably and sign once per event. */
  composedPerSecond: number
  ofComposed: number
}

/** Two targets over the rounds: each pair's ratio second/first, and the median of these. */
export type Comparison = {
  scenario: string
  case: string
  measure: 'rate' | 'p50' | 'p99' | 'memory'
  pairs: readonly number[]
  median: number
}

export type Report = {
  version: 1
  startedAt: string
  machine: { cpu: string; cores: number; memoryBytes: number; system: string; node: string }
  settings: {
    scale: string
    seconds: number
    rounds: number
    serverCpu?: number
    loadCpu?: number
    targets: readonly { label: string; url: string }[]
  }
  limits: readonly Limit[]
  results: readonly CaseResult[]
  nearness: readonly Nearness[]
  comparisons: readonly Comparison[]
}
