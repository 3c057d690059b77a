import type { Clock, Logger } from '#base'
import type { Config } from '#config'
import { openStore, SchemaTooNew, type Store, StoreUnavailable } from '#store'
import { codeOf, reasonOf, StartError } from './start-error.ts'

/** Opens the configured database and brings its schema up to date. Throws `StartError` if that fails. */
export const openDatabase = async (
  { database, durability }: Config['storage'],
  clock: Clock,
  logger: Logger,
): Promise<Store> => {
  const url = database.kind === 'sqlite' ? `sqlite:${database.path}` : database.url
  const name = database.kind === 'sqlite' ? database.path : withoutPassword(database.url)
  try {
    return await openStore({ url, clock, logger, durability })
  } catch (cause) {
    if (cause instanceof SchemaTooNew) {
      throw new StartError(`The database ${name} was written by a newer Homeroom; start that version`, { cause })
    }
    if (cause instanceof StoreUnavailable || codeOf(cause) !== undefined) {
      throw new StartError(`The database ${name} cannot be opened: ${reasonOf(cause)}`, { cause })
    }
    throw cause
  }
}

const withoutPassword = (url: string): string => {
  const parsed = new URL(url)
  parsed.password = ''
  parsed.search = ''
  return parsed.href
}
