import type { Clock, Logger } from '#base'
import type { Config, Database } from '#config'
import { DatabaseInUse, inspectDatabase, openStore, SchemaTooNew, type Store, StoreUnavailable } from '#store'
import { codeOf, EXIT_CONFIG, reasonOf, StartError } from './start-error.ts'

/** Opens the configured database and brings its schema up to date. Throws `StartError` if that fails. */
export const openDatabase = async (
  { database, durability, severalProcesses }: Config['storage'],
  clock: Clock,
  logger: Logger,
): Promise<Store> => {
  const url = urlOf(database)
  try {
    return await openStore({ url, clock, logger, durability, processes: severalProcesses ? 'several' : 'one' })
  } catch (cause) {
    throw databaseError(database, cause)
  }
}

/** Makes sure that there is a server of this name in the database already, and changes nothing. Throws `StartError`. */
export const assertServerIn = async (config: Config): Promise<void> => {
  const { database } = config.storage
  try {
    const found = await inspectDatabase(urlOf(database))
    if (found.kind !== 'found') throw noServerYet(config)
    if (found.serverName !== undefined && found.serverName !== config.server.name)
      throw otherName(config, found.serverName)
  } catch (cause) {
    throw databaseError(database, cause)
  }
}

const noServerYet = ({ storage: { database } }: Config): StartError => {
  const place = `${database.kind === 'sqlite' ? 'There is no database' : 'There is no server in the database'} ${databaseName(database)}`
  return new StartError(
    `${place}: start the server once with the same settings, or name the folder of one that was started with --data`,
    { exitCode: EXIT_CONFIG },
  )
}

export const otherName = ({ server, storage }: Config, known: string): StartError =>
  new StartError(
    `The database ${databaseName(storage.database)} belongs to the server ${known}, and a name can never be changed: start it as ${known}, or start ${server.name} on other data, with --data and --database`,
    { exitCode: EXIT_CONFIG },
  )

/** The meaning of an error of the store for the operator; errors that are bugs stay as they are. */
export const databaseError = (database: Database, cause: unknown): unknown => {
  const name = databaseName(database)
  if (cause instanceof DatabaseInUse) {
    const sentence = `The database ${name} is in use by another Homeroom: stop that one first`
    return new StartError(sentence, { exitCode: EXIT_CONFIG, cause })
  }
  if (cause instanceof SchemaTooNew)
    return new StartError(`The database ${name} was written by a newer Homeroom; start that version`, { cause })
  if (cause instanceof StoreUnavailable)
    return new StartError(`The database ${name} cannot be opened: ${inWords(cause.detail, database)}`, { cause })
  if (codeOf(cause) === undefined) return cause
  return new StartError(`The database ${name} cannot be opened: ${reasonOf(cause)}`, { cause })
}

/** PostgreSQL's refusals with what to do about them; other texts as they are. */
const inWords = (detail: string, database: Database): string => {
  if (database.kind === 'sqlite') return detail
  const { hostname, port, username, pathname } = new URL(database.url)
  const host = `${hostname === '' ? 'localhost' : hostname}:${port === '' ? '5432' : port}`
  const words: readonly (readonly [RegExp, string])[] = [
    [
      /password authentication failed/,
      `PostgreSQL refuses the password of the user ${username}; look at storage.database`,
    ],
    [/^role .* does not exist/, `PostgreSQL has no user ${username}; make it with createuser`],
    [/^database .* does not exist/, `PostgreSQL has no database ${pathname.slice(1)}; make it with createdb`],
    [/no pg_hba\.conf entry/, `PostgreSQL lets ${username} in from no such place; look at its pg_hba.conf`],
    [/ECONNREFUSED/, `nothing listens at ${host}; is PostgreSQL running?`],
    [/ENOTFOUND|EAI_AGAIN/, `the host ${hostname} is not known`],
    [/timeout/i, `PostgreSQL at ${host} does not answer in time`],
    [/SASL.*client password must be a string/, `PostgreSQL asks for a password, and storage.database has none`],
  ]
  return words.find(([pattern]) => pattern.test(detail))?.[1] ?? detail
}

export const urlOf = (database: Database): string =>
  database.kind === 'sqlite' ? `sqlite:${database.path}` : database.url

/** The database's name for messages. */
export const databaseName = (database: Database): string =>
  database.kind === 'sqlite' ? database.path : withoutPassword(database.url)

const withoutPassword = (url: string): string => {
  const parsed = new URL(url)
  parsed.password = ''
  parsed.search = ''
  return parsed.href
}
