import { hkdfSync } from 'node:crypto'
import { constants } from 'node:fs'
import { access, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Random } from '#base'
import { type SigningKey, signingKeyFromSeed } from '#rules'
import type { ServerName } from '#spec'
import { FolderInUse, lockFolder } from '#store'
import { codeOf, reasonOf, StartError } from './start-error.ts'

/** Makes the data folder, for nobody else to read, and makes sure that it can be written to. */
export const prepareDataFolder = async (folder: string): Promise<void> => {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    if (!(await stat(folder)).isDirectory()) throw new StartError(`The data folder ${folder} is no folder`)
  } catch (cause) {
    if (cause instanceof StartError) throw cause
    throw new StartError(`The data folder ${folder} cannot be used: ${reasonOf(cause)}`, { cause })
  }
}

/** Keeps a second server away from it; the answer lets go. Throws `StartError`. */
export const lockDataFolder = (folder: string): (() => void) => {
  try {
    return lockFolder(folder)
  } catch (cause) {
    if (cause instanceof FolderInUse)
      throw new StartError(`The data folder ${folder} is in use by another Homeroom; choose one with --data`, { cause })
    throw new StartError(`The data folder ${folder} cannot be used: ${reasonOf(cause)}`, { cause })
  }
}

export interface ServerKeys {
  readonly signingKey: SigningKey
  /** 32 bytes, for what the server keeps for itself alone. */
  readonly sealingKey: Uint8Array
}

/** Derived (HKDF), so that it comes and goes with the signing key, and nothing is learned of that from it. */
const sealingKeyOf = (seed: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', Buffer.from(seed, 'base64'), '', 'homeroom sealed rows', 32))

/**
 * The server's Ed25519 key, in the text form that other homeservers use too: `ed25519 NAME SEED`, the seed in unpadded
 * Base64. Made at the first start. Whoever loses it loses the name in the eyes of other servers, so it is never overwritten.
 */
export const loadServerKeys = async (folder: string, serverName: ServerName, random: Random): Promise<ServerKeys> => {
  const file = join(folder, 'signing.key')
  const text = (await readIfThere(file)) ?? (await makeKeyFile(file, random))
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const [algorithm, name, seed] = lines[0]?.trim().split(/\s+/) ?? []
  const key =
    algorithm === 'ed25519' && seed !== undefined ? signingKeyFromSeed(`ed25519:${name}`, serverName, seed) : undefined
  if (key?.ok !== true || seed === undefined) {
    throw new StartError(`The signing key ${file} cannot be read: expected "ed25519 NAME SEED" with 32 bytes in Base64`)
  }
  return { signingKey: key.value, sealingKey: sealingKeyOf(seed) }
}

const readIfThere = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw new StartError(`The signing key ${file} cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

/** Written beside, synced, then renamed: a crash leaves a whole key or none. */
const makeKeyFile = async (file: string, random: Random): Promise<string> => {
  const seed = Buffer.from(random.bytes(32)).toString('base64').replaceAll('=', '')
  const text = `ed25519 a_${random.letters(4).toLowerCase()} ${seed}\n`
  const draft = `${file}.new`
  try {
    await unlink(draft).catch(() => {})
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, file)
    return text
  } catch (cause) {
    throw new StartError(`The signing key ${file} cannot be written: ${reasonOf(cause)}`, { cause })
  }
}
