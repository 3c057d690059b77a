import { flushCompileCache } from 'node:module'
import { type Logger, releaseMemory, systemClock } from '#base'
import { bannerOf } from './banner.ts'
import type { ReadConfig } from './cli-config.ts'
import { createHomeserver, type Homeserver } from './homeserver.ts'
import { createLogger } from './logging.ts'
import { StartError } from './start-error.ts'

/** Terminal, npm and `bin/homeroom.js` may each pass on the same signal: within this time it counts once. */
const SAME_SIGNAL_MS = 250
/** Time after which the process ends even if something still runs; longer than the server's own limit. */
const LAST_RESORT_MS = 9_500

/**
 * Runs until SIGINT or SIGTERM, then stops the server; a second signal ends the process at once. SIGHUP makes it read its TLS files
 * anew, and never ends it: a terminal sends it when it closes.
 */
export const runServer = async ({ config, warnings }: ReadConfig): Promise<number> => {
  const logger = createLogger(config.logging)
  for (const warning of warnings) logger.warn({}, warning)
  const homeserver = createHomeserver({ config, logger })
  const asked = untilSignal()
  // From the beginning, as it would end a process that does not listen.
  process.on('SIGHUP', () => void reload(homeserver, logger))
  const addresses = await homeserver.start()
  process.stdout.write(bannerOf(config, addresses))
  // Otherwise the cache is written only at a regular exit, and a server that is always killed would always start slowly.
  flushCompileCache()
  releaseMemory()
  const signal = await asked
  logger.info({ signal }, 'stopping')
  await stopInTime(homeserver)
  logger.info({}, 'stopped')
  return 0
}

const reload = async (homeserver: Homeserver, logger: Logger): Promise<void> => {
  try {
    const isRead = await homeserver.reload()
    logger.info({ signal: 'SIGHUP' }, isRead ? 'read the TLS files anew' : 'there is nothing to read anew')
  } catch (err) {
    if (err instanceof StartError) logger.error({}, `${err.message}; the certificate stays as it was`)
    else logger.error({ err }, 'the TLS files could not be read anew; the certificate stays as it was')
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
