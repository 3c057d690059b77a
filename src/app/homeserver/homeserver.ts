import { isDeepStrictEqual } from 'node:util'
import { type Clock, type Logger, type Random, Sealer, silentLogger, systemClock, systemRandom } from '#base'
import type { Config } from '#config'
import {
  type AnyEndpoint,
  createEdge,
  createMetrics,
  createRateLimiter,
  type Edge,
  type EdgeLimits,
  type EdgeReports,
  ExchangeableRateLimiter,
  type Metrics,
  noRateLimits,
  type RateLimiter,
  RequestCounts,
} from '#http'
import { shownIn, unknownAddressPage } from '#pages'
import { ShortLivedTables, writers } from '#store'
import { compose } from '../compose/compose.ts'
import { lockDataFolder, prepareFolder, processIdIn } from '../host/data-folder.ts'
import { openDatabase } from '../host/database.ts'
import { findData } from '../host/identity.ts'
import { openToOthers } from '../host/open-to-others.ts'
import { openLook, type ServerLook } from '../host/page-look.ts'
import { type Reloaded, Reloads } from '../host/reloads.ts'
import { openServerKeys } from '../host/server-keys.ts'
import { reasonOf, StartError } from '../host/start-error.ts'
import { readTlsFiles, tlsRefused } from '../host/tls-files.ts'
import { addEngineReadings } from '../monitoring/metrics.ts'
import { openTracing, tracedStore } from '../monitoring/tracing.ts'
import { openChannel } from '../operator/channel.ts'
import { isForServers, listening, type TlsListener, tlsListenerOf } from './listeners.ts'

export interface HomeserverOptions {
  readonly config: Config
  readonly clock?: Clock
  readonly random?: Random
  readonly logger?: Logger
  /** Whether it serves the operator's channel alone. Its address is then that of the channel. */
  readonly operatorOnly?: boolean
}

export interface Addresses {
  readonly url: string
  readonly tlsUrl?: string
  readonly federationUrl?: string
  readonly metricsUrl?: string
}

export interface Homeserver {
  /** Opens everything and listens. If that fails, closes everything again and throws `StartError` with one line for the operator. */
  start(): Promise<Addresses>
  /**
   * Reads the TLS files anew, for new connections, and takes what can change of the configuration. Returns what changed. Throws `StartError` if the
   * files cannot be read, and keeps those of before; the settings count all the same.
   */
  reload(config: Config): Promise<Reloaded & { readonly certificates: boolean }>
  /** Refuses new requests, lets long polls answer and commits end, then closes; within 10 s. May be called more than once. */
  stop(): Promise<void>
  /** The endpoints that it serves; empty before it started. */
  readonly endpoints: readonly AnyEndpoint[]
}

/** Time after which connections are cut; closing the database may take the rest of the 10 s. */
const STOP_GRACE_MS = 7_000

/** A whole homeserver in this process, not yet started. */
export const createHomeserver = (options: HomeserverOptions): Homeserver => {
  const running = new Running(options)
  return {
    start: () => running.start(),
    reload: (config) => running.reload(config),
    stop: () => running.stop(),
    get endpoints() {
      return running.endpoints
    },
  }
}

class Running {
  readonly #config: Config
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  /** Called in reverse order, by a stop and by a start that fails. */
  readonly #closers: (() => Promise<void>)[] = []
  #stopping: Promise<void> | undefined
  readonly #operatorOnly: boolean
  readonly #reloads: Reloads
  #edge: Edge | undefined
  #tlsListeners: readonly TlsListener[] = []
  endpoints: readonly AnyEndpoint[] = []

  constructor({ config, clock, random, logger, operatorOnly }: HomeserverOptions) {
    this.#config = config
    this.#reloads = new Reloads(config)
    this.#clock = clock ?? systemClock
    this.#random = random ?? systemRandom
    this.#logger = logger ?? silentLogger
    this.#operatorOnly = operatorOnly === true
  }

  async start(): Promise<Addresses> {
    try {
      return await this.#open()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  async reload(config: Config): Promise<Reloaded & { readonly certificates: boolean }> {
    const reloaded = await this.#reloads.apply(config)
    return { ...reloaded, certificates: await this.#renewTls() }
  }

  async #renewTls(): Promise<boolean> {
    const edge = this.#edge
    if (this.#tlsListeners.length === 0 || edge === undefined) return false
    const renewed = this.#tlsListeners.map(async ({ listener, files }) => ({
      listener,
      texts: await readTlsFiles(files),
    }))
    try {
      for (const { listener, texts } of await Promise.all(renewed)) edge.renewTls(listener, texts)
      return true
    } catch (cause) {
      throw cause instanceof StartError ? cause : tlsRefused(cause)
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close()
    return this.#stopping
  }

  async #open(): Promise<Addresses> {
    const config = this.#config
    const { dataFolder } = config.storage
    const look = await openLook(config)
    await prepareFolder('data', dataFolder)
    const unlock = lockDataFolder(dataFolder)
    this.#closers.push(async () => unlock())
    const tracing = await openTracing(config)
    if (tracing !== undefined) this.#closers.push(() => tracing.close())
    const store = tracedStore(await openDatabase(config.storage, this.#clock, this.#logger), tracing)
    this.#closers.push(() => store.close())
    const processId = await processIdIn(dataFolder, this.#random)
    const found = await findData(config, store, this.#random)
    const { sealingKey, ...keys } = await openServerKeys({
      ...{ config, store, found },
      random: this.#random,
      logger: this.#logger,
    })
    const { databaseId } = await found.claim()
    const rateLimiter = rateLimiterOf(config, this.#reloads)
    const sealer = new Sealer({ key: sealingKey, random: this.#random })
    const shortLived = new ShortLivedTables({
      reader: store.shortLived,
      writer: writers.shortLived,
      commit: store.commit,
      sealer,
      clock: this.#clock,
      random: this.#random,
    })
    const requestCounts = new RequestCounts()
    const ground = {
      ...{ ...keys, config, store, shortLived, databaseId, processId, sealer, rateLimiter, requestCounts, look },
      clock: this.#clock,
      random: this.#random,
      logger: this.#logger,
      reloads: this.#reloads,
      tracing,
    }
    const composed = await compose(ground)
    const { issuers, signatures, endpoints, caches, settle } = composed
    this.#closers.push(settle)
    const address = await this.#openChannel(composed.operatorEndpoints)
    if (this.#operatorOnly) return { url: address }
    this.endpoints = endpoints

    const metrics = config.listen.metricsPort === undefined ? undefined : await createMetrics(this.#clock)
    if (metrics !== undefined) {
      addEngineReadings(metrics, { store, ...composed })
      metrics.addCaches(caches)
      metrics.addLabelled(composed.federationReadings)
    }
    const edge = this.#edgeOver({
      endpoints,
      callers: { issuers, signatures },
      rateLimiter,
      look,
      reported: { observe: requestCounts.observer(metrics?.observe), ...(tracing === undefined ? {} : { tracing }) },
    })
    metrics?.addCaches(() => edge.caches())
    this.#edge = edge
    this.#closers.push(() => edge.stop(STOP_GRACE_MS))
    return this.#listen(edge, metrics)
  }

  #edgeOver({ endpoints, callers, rateLimiter, look: { look }, reported }: EdgeParts): Edge {
    const config = this.#config
    let { level } = config.logging
    this.#reloads.on(({ logging }) => {
      level = logging.level
    })
    return createEdge({
      endpoints,
      callers,
      rateLimiter,
      limits: limitsOf(config),
      trustProxy: config.listen.trustProxy.length === 0 ? false : config.listen.trustProxy,
      unknownPage: (error) => shownIn(look, unknownAddressPage(config.server.name, error)),
      clock: this.#clock,
      reports: {
        logger: this.#logger,
        logsRequests: () => level === 'debug',
        limitInfoUri: config.support.page ?? config.server.publicBaseUrl ?? `https://${config.server.name}`,
        ...reported,
      },
    })
  }

  /** Returns the address of the operator's channel. A server that others need goes on without the channel. */
  async #openChannel(endpoints: readonly AnyEndpoint[]): Promise<string> {
    const { dataFolder } = this.#config.storage
    try {
      const channel = await openChannel({ dataFolder, endpoints, clock: this.#clock, logger: this.#logger })
      this.#closers.push(() => channel.stop(STOP_GRACE_MS))
      return channel.socketPath
    } catch (cause) {
      const sentence = `The operator's channel in ${dataFolder} cannot be opened: ${reasonOf(cause)}`
      if (this.#operatorOnly) throw new StartError(sentence, { cause })
      this.#logger.warn({}, `${sentence}; commands work only while the server is stopped`)
      return ''
    }
  }

  async #listen(edge: Edge, metrics: Metrics | undefined): Promise<Addresses> {
    const { host, port, tls, federation, metricsHost, metricsPort } = this.#config.listen
    const tlsListener = tls === undefined ? undefined : await tlsListenerOf(host, tls)
    const serversListener = federation === undefined ? undefined : await tlsListenerOf(federation.host, federation)
    this.#tlsListeners = [tlsListener, serversListener].filter((one) => one !== undefined)
    let metricsUrl: string | undefined
    if (metrics !== undefined && metricsPort !== undefined) {
      this.#closers.unshift(() => metrics.stop())
      metricsUrl = await listening({ host: metricsHost, port: metricsPort }, (listener) => metrics.listen(listener))
    }
    const url = await listening({ host, port }, (listener) => edge.listen(listener))
    const openTls = (one: TlsListener | undefined, serves?: (path: string) => boolean): Promise<string> | undefined =>
      one === undefined ? undefined : listening(one.listener, (listener) => edge.listen(listener, serves))
    const tlsUrl = await openTls(tlsListener)
    const federationUrl = await openTls(serversListener, isForServers)
    for (const warning of await openToOthers(this.#config)) this.#logger.warn({}, warning)
    const { name: serverName } = this.#config.server
    this.#logger.info({ url, tlsUrl, federationUrl, metricsUrl, serverName }, 'listening')
    return {
      url,
      ...(tlsUrl === undefined ? {} : { tlsUrl }),
      ...(federationUrl === undefined ? {} : { federationUrl }),
      ...(metricsUrl === undefined ? {} : { metricsUrl }),
    }
  }

  async #close(): Promise<void> {
    for (const close of this.#closers.reverse()) {
      try {
        await close()
      } catch (err) {
        this.#logger.error({ err }, 'a part of the server did not close')
      }
    }
  }
}

type EdgeParts = Pick<Parameters<typeof createEdge>[0], 'endpoints' | 'callers' | 'rateLimiter'> & {
  readonly look: ServerLook
  readonly reported: Partial<Pick<EdgeReports, 'observe' | 'tracing'>>
}

/** The budgets of the configuration, or none with `--no-rate-limit`. Changed ones begin with nothing counted. */
const rateLimiterOf = (config: Config, reloads: Reloads): RateLimiter => {
  const made = ({ rateLimits: { enabled, ...budgets } }: Config): RateLimiter =>
    enabled ? createRateLimiter(budgets) : noRateLimits
  let { rateLimits } = config
  const limiter = new ExchangeableRateLimiter(made(config))
  reloads.on((changed) => {
    if (isDeepStrictEqual(changed.rateLimits, rateLimits)) return
    rateLimits = changed.rateLimits
    limiter.exchange(made(changed))
  })
  return limiter
}

const limitsOf = ({ listen, media }: Config): EdgeLimits => ({
  bodyBytes: listen.bodySize,
  headerBytes: listen.headerSize,
  headersTimeoutMs: listen.headersTimeout,
  requestTimeoutMs: listen.requestTimeout,
  uploadTimeoutMs: media.uploadTimeout,
  keepAliveTimeoutMs: listen.keepAliveTimeout,
  writeTimeoutMs: listen.writeTimeout,
})
