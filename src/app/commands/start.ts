import { flushCompileCache } from 'node:module'
import { collectAlone, type Logger, lowerPoolPriority, releaseMemory, systemClock } from '#base'
import { type Config, ConfigError } from '#config'
import { bannerOf } from '../homeserver/banner.ts'
import { createHomeserver, type Homeserver } from '../homeserver/homeserver.ts'
import { StartError } from '../host/start-error.ts'
import { createLogger } from '../monitoring/logging.ts'
import type { ReadConfig } from './settings.ts'

/** Terminal, npm and `bin/homeroom.js` may each pass on the same signal: within this time it counts once. */
const SAME_SIGNAL_MS = 250
/** Time after which the process ends even if something still runs; longer than the server's own limit. */
const LAST_RESORT_MS = 9_500

/**
 * Runs until SIGINT or SIGTERM, then stops the server; a second signal ends the process at once. SIGHUP makes it read its configuration and its TLS
 * files anew, and never ends it: a terminal sends it when it closes.
 */
export const runServer = async (read: () => Promise<ReadConfig>): Promise<number> => {
  const { config, warnings } = await read()
  const { logger, setLevel } = createLogger(config.logging)
  for (const warning of warnings) logger.warn({}, warning)
  const homeserver = createHomeserver({ config, logger })
  const asked = untilSignal()
  // From the beginning, as it would end a process that does not listen.
  const again = reloader(homeserver, { read, logger, setLevel })
  process.on('SIGHUP', () => void again())
  const addresses = await homeserver.start()
  await lowerPoolPriority()
  process.stdout.write(bannerOf(config, addresses))
  // Otherwise the cache is written only at a regular exit, and a server that is always killed would always start slowly.
  flushCompileCache()
  releaseMemory()
  collectAlone()
  const signal = await asked
  logger.info({ signal }, 'stopping')
  await stopInTime(homeserver)
  logger.info({}, 'stopped')
  return 0
}

interface ReloadParts {
  readonly read: () => Promise<ReadConfig>
  readonly logger: Logger
  readonly setLevel: (level: Config['logging']['level']) => void
}

/** One reload at a time; a signal during one is answered by another one after it. */
const reloader = (homeserver: Homeserver, { read, logger, setLevel }: ReloadParts): (() => Promise<void>) => {
  let last = Promise.resolve()
  const once = async (): Promise<void> => {
    try {
      const { config, warnings } = await read()
      for (const warning of warnings) logger.warn({}, warning)
      setLevel(config.logging.level)
      const { changed, later, certificates } = await homeserver.reload(config)
      logger.info({ signal: 'SIGHUP', changed, certificates }, 'read the configuration anew')
      if (later.length > 0) logger.warn({ settings: later }, 'these settings count from the next start on')
    } catch (err) {
      if (err instanceof ConfigError) {
        for (const { path, message } of err.problems) logger.error({}, `${path}: ${message}`)
        logger.error({}, 'the configuration has problems and stays as it was')
      } else if (err instanceof StartError) logger.error({}, `${err.message}; the certificate stays as it was`)
      else logger.error({ err }, 'not everything could be read anew')
    }
  }
  return () => {
    last = last.then(once)
    return last
  }
}

const untilSignal = (): Promise<string> =>
  new Promise((resolve) => {
    let firstMs: number | undefined
    const onSignal = (signal: string): void => {
      if (firstMs === undefined) {
        firstMs = systemClock.monotonicMs()
        resolve(signal)
      } else if (systemClock.monotonicMs() - firstMs > SAME_SIGNAL_MS) process.exit(130)
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
  })

const stopInTime = async (homeserver: Homeserver): Promise<void> => {
  systemClock.after(LAST_RESORT_MS, () => {
    process.stderr.write('homeroom: something did not end in time\n')
    process.exit(1)
  })
  await homeserver.stop()
}
