import { networkInterfaces } from 'node:os'
import type { Config } from '#config'
import { openRegistration } from '../host/open-to-others.ts'
import { PACKAGE_VERSION } from '../host/package-version.ts'
import { PROGRAM_NAME } from '../host/program-name.ts'
import type { Addresses } from './homeserver.ts'

/** The text with which a start tells a person where the server is and how to go on. */
export const bannerOf = (config: Config, { url, tlsUrl, metricsUrl }: Addresses): string => {
  const { storage, registration, server } = config
  const database = storage.database.kind === 'sqlite' ? 'SQLite' : 'PostgreSQL'
  const [here, elsewhere] = [[url, tlsUrl].map(openable), addressesElsewhere(url)]
  const address = server.publicBaseUrl ?? elsewhere[0] ?? here[1] ?? here[0]
  const createUser = `${PROGRAM_NAME} users create NAME, with the same settings`
  const account = registration.mode === 'open' ? `open the address in a browser, or ${createUser}` : createUser
  const rows: readonly (readonly [string, string])[] = [
    ['Address', here.filter((one) => one !== undefined).join(' and ')],
    ...(elsewhere.length === 0 ? [] : [['From elsewhere', elsewhere.join(', ')] as const]),
    ['Server name', server.name],
    ['Data', `${storage.dataFolder} (${database})`],
    ...(metricsUrl === undefined ? [] : [['Metrics', `${openable(metricsUrl)}/metrics`] as const]),
    ['First account', account],
    ['Client', `https://app.element.io, with ${address} as the homeserver`],
  ]
  const lines = rows.map(([name, value]) => `  ${name.padEnd(14)} ${value}`)
  const warning = openRegistration(config)
  const warned = warning === undefined ? '' : `Warning: ${warning}.\n\n`
  return `\nHomeroom ${PACKAGE_VERSION} is running.\n\n${lines.join('\n')}\n\n${warned}Press Ctrl+C to stop it.\n\n`
}

const ALL_ADDRESSES = /^(https?:\/\/)(?:0\.0\.0\.0|\[::\])(?=:)/

/** A server that listens on all addresses names none that could be opened. */
const openable = (url: string | undefined): string | undefined => url?.replace(ALL_ADDRESSES, '$1127.0.0.1')

/** The same port at the machine's addresses in its networks; empty unless the server listens on all. */
const addressesElsewhere = (url: string): readonly string[] => {
  if (!ALL_ADDRESSES.test(url)) return []
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => url.replace(ALL_ADDRESSES, `$1${address}`))
}
