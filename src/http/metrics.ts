import type { Server } from 'node:http'
import type { Counter, Gauge, Registry } from 'prom-client'
import { type CacheStats, type Clock, nodeHttp } from '#base'
import { closeServer, listen, type PortListener } from './connections/sockets.ts'
import type { Observe } from './serving/serving.ts'

/** A number that is read when somebody asks for the metrics. */
export interface Reading {
  readonly name: string
  readonly help: string
  readonly kind: 'gauge' | 'counter'
  read(): number
}

/** A histogram that its owner keeps: counts are not cumulative, one more than there are bounds. */
export interface HistogramReading {
  readonly name: string
  readonly help: string
  read(): { readonly bounds: readonly number[]; readonly counts: readonly number[]; readonly sum: number }
}

/** One number for each value of a label, read when somebody asks for the metrics. The values have no quotes, backslashes or line breaks. */
export interface LabelledReading {
  readonly name: string
  readonly help: string
  readonly kind: 'gauge' | 'counter'
  readonly label: string
  read(): Iterable<readonly [value: string, number: number]>
}

export interface Metrics {
  readonly observe: Observe
  addReadings(readings: readonly Reading[]): void
  addHistograms(histograms: readonly HistogramReading[]): void
  addLabelled(readings: readonly LabelledReading[]): void
  /** Hits, misses, bytes and entries of caches, by name. */
  addCaches(caches: () => readonly CacheStats[]): void
  /** Serves `GET /metrics`; resolves to the base URL. */
  listen(listener: Omit<PortListener, 'tls'>): Promise<string>
  stop(): Promise<void>
}

const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

type Prometheus = typeof import('prom-client')

/** Prometheus metrics in a registry of their own. The library is loaded only where somebody wants metrics. */
export const createMetrics = async (clock: Clock): Promise<Metrics> =>
  new PrometheusMetrics(await import('prom-client'), clock)

class PrometheusMetrics implements Metrics {
  readonly observe: Observe
  readonly #prometheus: Prometheus
  readonly #registry: Registry
  readonly #clock: Clock
  readonly #caches: (() => readonly CacheStats[])[] = []
  readonly #histograms: HistogramReading[] = []
  readonly #labelled: LabelledReading[] = []
  #server: Server | undefined

  constructor(prometheus: Prometheus, clock: Clock) {
    this.#prometheus = prometheus
    this.#clock = clock
    this.#registry = new prometheus.Registry()
    prometheus.collectDefaultMetrics({ register: this.#registry, prefix: 'homeroom_' })
    this.observe = observerOf(prometheus, this.#registry)
  }

  addReadings(readings: readonly Reading[]): void {
    for (const { kind, read, ...words } of readings) {
      const options = { ...words, registers: [this.#registry] }
      if (kind === 'gauge') {
        const gauge: Gauge = new this.#prometheus.Gauge({ ...options, collect: () => gauge.set(read()) })
      } else {
        const collect = (): void => {
          counter.reset()
          counter.inc(read())
        }
        const counter: Counter = new this.#prometheus.Counter({ ...options, collect })
      }
    }
  }

  addHistograms(histograms: readonly HistogramReading[]): void {
    this.#histograms.push(...histograms)
  }

  addLabelled(readings: readonly LabelledReading[]): void {
    this.#labelled.push(...readings)
  }

  addCaches(caches: () => readonly CacheStats[]): void {
    this.#caches.push(caches)
  }

  listen(listener: Omit<PortListener, 'tls'>): Promise<string> {
    this.#server = nodeHttp.createServer((request, response) => {
      if (request.url !== '/metrics') {
        response.writeHead(404).end()
        return
      }
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { Allow: 'GET, HEAD' }).end()
        return
      }
      void this.#text().then(
        (text) => response.writeHead(200, { 'Content-Type': this.#registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
    })
    return listen(this.#server, listener)
  }

  async stop(): Promise<void> {
    if (this.#server !== undefined) await closeServer(this.#server, this.#clock, 1_000)
    this.#registry.clear()
  }

  async #text(): Promise<string> {
    const caches = this.#caches.flatMap((read) => read())
    const parts = [...this.#histograms.map(histogramText), ...this.#labelled.map(labelledText)]
    return (await this.#registry.metrics()) + parts.join('') + cacheText(caches)
  }
}

/** Labels are looked up once an endpoint and status, not once a request. */
const observerOf = (prometheus: Prometheus, registry: Registry): Observe => {
  const requests = new prometheus.Counter({
    name: 'homeroom_http_requests_total',
    help: 'Requests answered, by endpoint and status.',
    labelNames: ['method', 'path', 'status'],
    registers: [registry],
  })
  const durations = new prometheus.Histogram({
    name: 'homeroom_http_request_duration_seconds',
    help: 'Time from the headers of a request to its answer; long polls wait within it.',
    labelNames: ['method', 'path'],
    buckets: BUCKETS_SECONDS,
    registers: [registry],
  })
  return (method, path) => {
    const duration = durations.labels({ method, path })
    const byStatus = new Map<number, { inc(): void }>()
    return (status, durationMs) => {
      let counter = byStatus.get(status)
      if (counter === undefined) {
        counter = requests.labels({ method, path, status: String(status) })
        byStatus.set(status, counter)
      }
      counter.inc()
      duration.observe(durationMs / 1_000)
    }
  }
}

const histogramText = ({ name, help, read }: HistogramReading): string => {
  const { bounds, counts, sum } = read()
  let cumulative = 0
  const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`]
  for (const [index, bound] of [...bounds, '+Inf'].entries()) {
    cumulative += counts[index] ?? 0
    lines.push(`${name}_bucket{le="${bound}"} ${cumulative}`)
  }
  lines.push(`${name}_sum ${sum}`, `${name}_count ${cumulative}`)
  return `${lines.join('\n')}\n`
}

const labelledText = ({ name, help, kind, label, read }: LabelledReading): string => {
  const lines = [...read()].map(([value, number]) => `${name}{${label}="${value}"} ${number}`)
  return `${[`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines].join('\n')}\n`
}

const cacheText = (caches: readonly CacheStats[]): string => {
  const family = (name: string, kind: string, help: string, read: (cache: CacheStats) => number): string =>
    [
      `# HELP homeroom_cache_${name} ${help}`,
      `# TYPE homeroom_cache_${name} ${kind}`,
      ...caches.map((cache) => `homeroom_cache_${name}{cache="${cache.name}"} ${read(cache)}`),
      '',
    ].join('\n')
  return (
    family('hits_total', 'counter', 'Lookups answered from the cache.', ({ hits }) => hits) +
    family('misses_total', 'counter', 'Lookups that were not.', ({ misses }) => misses) +
    family('bytes', 'gauge', 'Estimated size.', ({ sizeBytes }) => sizeBytes) +
    family('limit_bytes', 'gauge', 'The most it may hold.', ({ limitBytes }) => limitBytes) +
    family('entries', 'gauge', 'Entries held.', ({ entries }) => entries)
  )
}
