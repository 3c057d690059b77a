import { constants } from 'node:fs'
import { access, lstat, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Config, ConfigError, type ConfigProblem } from '#config'
import { type Inspection, inspectDatabase, SchemaTooNew } from '#store'
import { databaseIdIn } from '../host/data-folder.ts'
import { databaseError, databaseName, otherName, urlOf } from '../host/database.ts'
import { otherFolder } from '../host/identity.ts'
import { openToOthers } from '../host/open-to-others.ts'
import { openLook } from '../host/page-look.ts'
import { assertSame, givenKey } from '../host/server-keys.ts'
import { reasonOf, StartError } from '../host/start-error.ts'
import { assertTlsFits, readAuthority, readPem, type TlsFiles } from '../host/tls-files.ts'
import type { ReadConfig } from './settings.ts'

/**
 * Looks at everything that a start would need, and changes nothing. Returns a text for the operator. Throws `ConfigError` with all problems at once.
 */
export const checkConfig = async ({ config, warnings }: ReadConfig): Promise<string> => {
  const folders = await folderProblems(config)
  const data = await dataProblems(config, { folderIsUsable: folders.length === 0 })
  const pages = await problemOf('pages.logoFile', () => openLook(config))
  const problems = [...(await tlsProblems(config)), ...pages, ...folders, ...data]
  if (problems.length > 0) throw new ConfigError(problems)
  const { server, listen, storage, registration } = config
  const good = `The configuration is good: ${server.name} on ${listen.host}:${listen.port}, database ${databaseName(storage.database)}, registration ${registration.mode}.`
  const warned = [...warnings, ...(await openToOthers(config))].map((warning) => `Warning: ${warning}.`)
  return `${[good, ...warned].join('\n')}\n`
}

/** The sentence of a `StartError` as a problem at the path; other errors are bugs. */
const problemOf = async (path: string, work: () => unknown): Promise<readonly ConfigProblem[]> => {
  try {
    await work()
    return []
  } catch (error) {
    if (error instanceof StartError) return [{ path, message: error.message }]
    throw error
  }
}

const tlsProblems = async ({ listen, federation }: Config): Promise<readonly ConfigProblem[]> => {
  const { ca, hostsFile } = federation
  const authorities = await Promise.all(ca.map((file) => problemOf('federation.ca', () => readAuthority(file))))
  return [
    ...(await portProblems('listen.tls', listen.tls)),
    ...(await portProblems('listen.federation', listen.federation)),
    ...authorities.flat(),
    ...(hostsFile === undefined ? [] : await problemOf('federation.hostsFile', () => readPem(hostsFile))),
  ]
}

const portProblems = async (path: string, tls: TlsFiles | undefined): Promise<readonly ConfigProblem[]> => {
  if (tls === undefined) return []
  const unread = [
    ...(await problemOf(`${path}Cert`, () => readPem(tls.certFile))),
    ...(await problemOf(`${path}Key`, () => readPem(tls.keyFile))),
  ]
  if (unread.length > 0) return unread
  return problemOf(`${path}Cert`, async () =>
    assertTlsFits({ cert: await readPem(tls.certFile), key: await readPem(tls.keyFile) }),
  )
}

const folderProblems = async ({ storage: { dataFolder }, s3 }: Config): Promise<readonly ConfigProblem[]> => {
  const data = await problemOf('storage.data', () => assertUsable('data', dataFolder))
  if (data.length > 0) return data
  const media = join(dataFolder, s3.bucket === undefined ? 'media' : 'media-spool')
  return problemOf('storage.data', () => assertUsable('media', media))
}

/** Makes sure that a folder can be used, or made in the first one above it that is there. Throws `StartError`. */
const assertUsable = async (kind: 'data' | 'media', folder: string): Promise<void> => {
  const refused = (cause: unknown) =>
    new StartError(`The ${kind} folder ${folder} cannot be used: ${reasonOf(cause)}`, { cause })
  for (let path = folder; ; path = dirname(path)) {
    const entry = await lstat(path).catch(() => undefined)
    if (entry === undefined && path !== dirname(path)) continue
    try {
      if (!(await stat(path)).isDirectory()) throw new Error(`${path} is no folder`)
      await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
      return
    } catch (cause) {
      throw refused(cause)
    }
  }
}

const dataProblems = async (
  config: Config,
  { folderIsUsable }: { readonly folderIsUsable: boolean },
): Promise<readonly ConfigProblem[]> => {
  const { database } = config.storage
  let found: Inspection
  try {
    found = await inspectDatabase(urlOf(database))
    if (found.kind === 'found' && found.isNewer) throw new SchemaTooNew([])
  } catch (cause) {
    return problemOf('storage.database', () => {
      throw databaseError(database, cause)
    })
  }
  const name = await problemOf('server.name', () => assertName(config, found))
  if (!folderIsUsable) return name
  return [
    ...name,
    ...(await problemOf('server.signingKeyFile', () => assertKey(config, found))),
    ...(await problemOf('storage.data', () => assertFolder(config, found))),
  ]
}

const assertName = (config: Config, found: Inspection): void => {
  if (found.kind !== 'found' || found.serverName === undefined || found.serverName === config.server.name) return
  throw otherName(config, found.serverName)
}

const assertKey = async (config: Config, found: Inspection): Promise<void> => {
  const given = await givenKey(config)
  if (given !== undefined && found.kind === 'found' && found.key !== undefined) assertSame(given, found.key)
}

const assertFolder = async (config: Config, found: Inspection): Promise<void> => {
  const id = await databaseIdIn(config.storage.dataFolder)
  if (id !== undefined && (found.kind !== 'found' || found.databaseId !== id)) throw otherFolder(config)
}
