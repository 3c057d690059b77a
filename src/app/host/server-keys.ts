import { hkdfSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Logger, Random } from '#base'
import type { Config } from '#config'
import { isInsecureKey } from '#domain'
import { POLICY_KEY_ID, type SigningKey, signingKeyFromSeed } from '#rules'
import type { ServerName } from '#spec'
import { type SigningKeyRecord, type Store, WriteConflict, writers } from '#store'
import { writeKeyFile } from './data-folder.ts'
import type { FoundData } from './identity.ts'
import { keyFileIn } from './key-file.ts'
import { quickSigner } from './signer.ts'
import { codeOf, EXIT_CONFIG, reasonOf, StartError } from './start-error.ts'

export interface ServerKeys {
  readonly signingKey: SigningKey
  /** 32 bytes that seal what only this server may read. Derived from the signing key's seed, which cannot be found from it. */
  readonly sealingKey: Uint8Array
  /** The key of the server as a policy server. Derived in the same way, so it is the same in all processes and wherever the signing key is put back from a backup. */
  readonly policyKey: SigningKey
}

export interface ServerKeysParts {
  readonly config: Config
  readonly store: Store
  readonly random: Random
  readonly logger: Logger
  /** Only a new server gets a new key. */
  readonly found: Pick<FoundData, 'isNewDatabase' | 'isNewFolder'>
}

interface Given {
  readonly key: SigningKey
  readonly seed: string
  /** Name of the place the key came from, for messages. */
  readonly source: string
}

/**
 * Opens the server's Ed25519 key: from the configuration, else from the data folder, else from the database, else a new one. The database keeps the key, or
 * the public part of a configured one, so that all processes of the homeserver have the same. Nothing overwrites it, as other servers
 * know this one by its key. Throws `StartError`.
 */
export const openServerKeys = async (parts: ServerKeysParts): Promise<ServerKeys> => {
  const { config, store } = parts
  const given = await givenKey(config)
  const stored = (await store.signingKeys.signingKey()) ?? (await storeKey(parts, given))
  if (given !== undefined) {
    assertSame(given, stored)
    return keysOf(given)
  }
  const { keyId, seed } = stored
  if (seed === undefined) {
    throw new StartError(
      `The signing key ${keyId} of this database is configured elsewhere: set server.signingKey here too`,
      { exitCode: EXIT_CONFIG },
    )
  }
  await restoreKeyFile(parts, stored)
  return keysOf(parsed(keyId, seed, config.server.name, 'of the database'))
}

/** Writes the file from the database, so that a backup of the folder has the key. */
const restoreKeyFile = async (
  { config, found, logger }: ServerKeysParts,
  { keyId, seed }: SigningKeyRecord,
): Promise<void> => {
  const file = keyFileIn(config.storage.dataFolder)
  if (seed === undefined || (await readKeyFile(file, false)) !== undefined) return
  await writeKeyFile(config.storage.dataFolder, `ed25519 ${nameOf(keyId)} ${seed}\n`)
  if (found.isNewFolder) return
  logger.warn({ keyId }, `the signing key ${file} was missing; it was written again from the database`)
}

const keysOf = ({ key, seed }: Given): ServerKeys => ({
  signingKey: key,
  sealingKey: derived(seed, 'homeroom sealed rows'),
  policyKey: policyKeyOf(key.serverName, derived(seed, 'homeroom policy server')),
})

const derived = (seed: string, purpose: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', Buffer.from(seed, 'base64'), '', purpose, 32))

const policyKeyOf = (serverName: ServerName, seed: Uint8Array): SigningKey => {
  const key = signingKeyFromSeed(POLICY_KEY_ID, serverName, Buffer.from(seed).toString('base64'), quickSigner)
  if (!key.ok) throw new Error(`the key of the policy server cannot be made: ${key.failure.reason}`)
  return key.value
}

/** The key of the configuration or of the data folder; undefined: there is none. Throws `StartError`. */
export const givenKey = async ({ server, storage }: Config): Promise<Given | undefined> => {
  const { signingKey, signingKeyFile, name } = server
  if (signingKey !== undefined) return parsedLine(signingKey, name, 'of the configuration')
  const file = signingKeyFile ?? keyFileIn(storage.dataFolder)
  const text = await readKeyFile(file, signingKeyFile !== undefined)
  return text === undefined ? undefined : parsedLine(text, name, file)
}

/** Stores the key, or returns that of another process which was faster. */
const storeKey = async (
  { config, store, random, found }: ServerKeysParts,
  given: Given | undefined,
): Promise<SigningKeyRecord> => {
  const { server, storage } = config
  const isConfigured = server.signingKey !== undefined || server.signingKeyFile !== undefined
  if (given === undefined && !found.isNewDatabase) {
    throw new StartError(
      `The signing key of this database is missing, and a new one would make another server of it: put ${keyFileIn(storage.dataFolder)} back from a backup`,
      { exitCode: EXIT_CONFIG },
    )
  }
  const made = given ?? parsed(newKeyId(random), newSeed(random), server.name, 'made now')
  const { keyId, publicKey } = made.key
  try {
    const record = { keyId, publicKey, seed: isConfigured ? undefined : made.seed }
    await store.commit([writers.signingKeys.add(record)])
    if (given === undefined) await writeKeyFile(storage.dataFolder, `ed25519 ${nameOf(keyId)} ${made.seed}\n`)
    return record
  } catch (error) {
    const stored = error instanceof WriteConflict ? await store.signingKeys.signingKey() : undefined
    if (stored === undefined) throw error
    return stored
  }
}

/** Throws `StartError`. */
export const assertSame = ({ key, source }: Given, stored: Pick<SigningKeyRecord, 'keyId' | 'publicKey'>): void => {
  if (key.keyId === stored.keyId && key.publicKey === stored.publicKey) return
  throw new StartError(`The signing key ${source} is not the one of this database, which is ${stored.keyId}`, {
    exitCode: EXIT_CONFIG,
  })
}

const newKeyId = (random: Random): string => `ed25519:a_${random.letters(4).toLowerCase()}`
const newSeed = (random: Random): string => Buffer.from(random.bytes(32)).toString('base64').replaceAll('=', '')
const nameOf = (keyId: string): string => keyId.slice('ed25519:'.length)

/** Parses the text form that other homeservers use too: `ed25519 NAME SEED`, the seed in unpadded Base64. */
const parsedLine = (text: string, serverName: ServerName, source: string): Given => {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const [algorithm, name = '', seed = ''] = lines[0]?.trim().split(/\s+/) ?? []
  return parsed(algorithm === 'ed25519' ? `ed25519:${name}` : '', seed, serverName, source)
}

const parsed = (keyId: string, seed: string, serverName: ServerName, source: string): Given => {
  const key = signingKeyFromSeed(keyId, serverName, seed, quickSigner)
  if (key.ok && isInsecureKey(key.value.publicKey)) {
    throw new StartError(
      `The signing key ${source} is one that everybody knows, from an example or a faulty deployment: whoever likes could sign as this server. Make a new one`,
      { exitCode: EXIT_CONFIG },
    )
  }
  if (key.ok) return { key: key.value, seed, source }
  throw new StartError(
    `The signing key ${source} cannot be read: expected "ed25519 NAME SEED" with 32 bytes in Base64`,
    { exitCode: EXIT_CONFIG },
  )
}

const readKeyFile = async (file: string, mustExist: boolean): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' && !mustExist) return undefined
    throw new StartError(`The signing key ${file} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}
