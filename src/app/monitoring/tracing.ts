import { AsyncLocalStorage } from 'node:async_hooks'
import type { Span } from '@opentelemetry/api'
import type { StepFacts, TracedRequest, Tracing } from '#base'
import type { Config } from '#config'
import type { Store } from '#store'
import { PACKAGE_VERSION } from '../host/package-version.ts'

export interface OpenTracing extends Tracing {
  /** Sends what was not sent yet. */
  close(): Promise<void>
}

/** Limit of one sending, with its repetitions: a collector that is gone must not keep the server from ending. */
const SEND_WITHIN_MS = 2_000

/** Loads OpenTelemetry, which is large, only for those who want traces. */
export const openTracing = async (config: Config): Promise<OpenTracing | undefined> => {
  const { endpoint, headers, samplePercent, serviceName } = config.tracing
  if (endpoint === undefined) return undefined
  const [api, sdk, { resourceFromAttributes }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ])
  const exporter = new OTLPTraceExporter({
    url: endpoint,
    timeoutMillis: SEND_WITHIN_MS,
    headers: Object.fromEntries(headers.map(nameAndValue)),
  })
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      'service.name': serviceName,
      'service.version': PACKAGE_VERSION,
      'service.namespace': config.server.name,
    }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(samplePercent / 100) }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter })],
  })
  const tracer = provider.getTracer('homeroom', PACKAGE_VERSION)
  const contexts = new AsyncLocalStorage<ReturnType<typeof api.trace.setSpan>>()
  const begin = (name: string, facts: StepFacts, kind: number) => {
    const around = contexts.getStore() ?? api.ROOT_CONTEXT
    const span = tracer.startSpan(name, { attributes: { ...facts }, kind }, around)
    return { span, context: api.trace.setSpan(around, span) }
  }
  return {
    request: (name, facts, work) => {
      const { span, context } = begin(name, facts, api.SpanKind.SERVER)
      return contexts.run(context, () => work(untilAnswered(span, api.SpanStatusCode.ERROR)))
    },
    step: async (name, facts, work) => {
      const { span, context } = begin(name, facts, api.SpanKind.INTERNAL)
      try {
        return await contexts.run(context, work)
      } catch (error) {
        span.setStatus({ code: api.SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'failed' })
        throw error
      } finally {
        span.end()
      }
    },
    // A failure to send was told by the exporter, and must not keep the server from ending.
    close: () => provider.shutdown().catch(() => {}),
  }
}

/** The store with a step for each commit, from its being queued until it is durable. */
export const tracedStore = (store: Store, tracing: Tracing | undefined): Store => {
  if (tracing === undefined) return store
  const { commit } = store
  const traced = (...given: Parameters<Store['commit']>) =>
    tracing.step('commit', { 'homeroom.changes': given[0].length }, () => commit(...given))
  // A generic function has no single type of what it returns; nothing of it is touched.
  return { ...store, commit: traced as Store['commit'] }
}

const nameAndValue = (header: string): [string, string] => {
  const end = header.indexOf('=')
  return [header.slice(0, end), header.slice(end + 1)]
}

const untilAnswered = (span: Span, failed: number): TracedRequest => ({
  ended: (status) => {
    span.setAttribute('http.response.status_code', status)
    if (status >= 500) span.setStatus({ code: failed })
    span.end()
  },
})
