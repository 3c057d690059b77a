import { flushCompileCache } from 'node:module'
import { systemClock } from '#base'
import type { Config } from '#config'
import { type Addresses, createHomeserver, type Homeserver } from './homeserver.ts'
import { createLogger } from './logging.ts'
import { PACKAGE_VERSION } from './package-version.ts'

/** Terminal, npm and `bin/homeroom.js` may each pass on the same signal: within this time it counts once. */
const SAME_SIGNAL_MS = 250
/** Time after which the process ends even if something still runs; longer than the server's own limit. */
const LAST_RESORT_MS = 9_500

/** Runs until SIGINT or SIGTERM, then stops the server; a second signal ends the process at once. */
export const runServer = async (config: Config): Promise<number> => {
  const logger = createLogger(config.logging.level)
  const homeserver = createHomeserver({ config, logger })
  const asked = untilSignal()
  const addresses = await homeserver.start()
  process.stdout.write(bannerOf(config, addresses))
  // Otherwise the cache is written only at a regular exit, and a server that is always killed would always start slowly.
  flushCompileCache()
  const signal = await asked
  logger.info({ signal }, 'stopping')
  await stopInTime(homeserver)
  logger.info({}, 'stopped')
  return 0
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

const bannerOf = (config: Config, { url, tlsUrl, metricsUrl }: Addresses): string => {
  const { storage, registration, server } = config
  const database = storage.database.kind === 'sqlite' ? 'SQLite' : 'PostgreSQL'
  const address = server.publicBaseUrl ?? tlsUrl ?? url
  const createUser = 'node bin/homeroom.js create-user --user NAME, with the same settings'
  const account = registration.mode === 'open' ? `open the address in a browser, or ${createUser}` : createUser
  const rows: readonly (readonly [string, string])[] = [
    ['Address', tlsUrl === undefined ? url : `${url} and ${tlsUrl}`],
    ['Server name', server.name],
    ['Data', `${storage.dataFolder} (${database})`],
    ...(metricsUrl === undefined ? [] : [['Metrics', `${metricsUrl}/metrics`] as const]),
    ['First account', account],
    ['Client', `https://app.element.io, with ${address} as the homeserver`],
  ]
  const lines = rows.map(([name, value]) => `  ${name.padEnd(14)} ${value}`)
  return `\nHomeroom ${PACKAGE_VERSION} is running.\n\n${lines.join('\n')}\n\nPress Ctrl+C to stop it.\n\n`
}
