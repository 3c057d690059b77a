import type { Random } from '#base'
import type { Config } from '#config'
import { type HomeserverRecord, type Store, WriteConflict, writers } from '#store'
import { databaseIdIn, writeDatabaseId } from './data-folder.ts'
import { databaseName, otherName } from './database.ts'
import { EXIT_CONFIG, StartError } from './start-error.ts'

/** Findings at the place where the server keeps its data. */
export interface FoundData {
  /** Whether no server has used the database yet. */
  readonly isNewDatabase: boolean
  readonly isNewFolder: boolean
  /** Writes down whose data they are, and returns the database's id. After the signing key is stored: a named database without a key has lost it. */
  claim(): Promise<{ readonly databaseId: string }>
}

/**
 * Makes sure that the database and the data folder are those of this server: its name stands in every id, and files of another database would be
 * removed as nobody's. Throws `StartError`.
 */
export const findData = async (config: Config, store: Store, random: Random): Promise<FoundData> => {
  const folder = config.storage.dataFolder
  const [known, folderId] = [await knownName(store), await databaseIdIn(folder)]
  if (known.name !== undefined && known.name !== config.server.name) throw otherName(config, known.name)
  if (folderId !== undefined && folderId !== known.record?.databaseId) throw otherFolder(config)
  return {
    isNewDatabase: known.name === undefined,
    isNewFolder: folderId === undefined,
    claim: async () => {
      const { databaseId } = known.record ?? (await nameDatabase(config, store, random))
      if (folderId === undefined) await writeDatabaseId(folder, databaseId)
      return { databaseId }
    },
  }
}

const knownName = async (store: Store) => {
  const record = await store.homeserver.homeserver()
  return { record, name: record?.name ?? (await store.homeserver.nameOfAccounts()) }
}

const nameDatabase = async (config: Config, store: Store, random: Random): Promise<HomeserverRecord> => {
  const record = { name: config.server.name, databaseId: random.token(24) }
  try {
    await store.commit([writers.homeserver.add(record)])
    return record
  } catch (error) {
    // Another process of the same homeserver was faster.
    const known = error instanceof WriteConflict ? await store.homeserver.homeserver() : undefined
    if (known === undefined) throw error
    if (known.name !== config.server.name) throw otherName(config, known.name)
    return known
  }
}

export const otherFolder = ({ storage }: Config): StartError =>
  new StartError(
    `The data folder ${storage.dataFolder} belongs to another database than ${databaseName(storage.database)}: choose another one with --data. If its media belong to this database all the same, remove the file database.id in it`,
    { exitCode: EXIT_CONFIG },
  )
