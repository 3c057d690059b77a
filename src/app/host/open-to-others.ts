import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Config, Database } from '#config'
import { keyFileIn } from './key-file.ts'

const CHANGED_BY_OTHERS = 0o022
const READ_BY_OTHERS = 0o077
const ENTERED_BY_OTHERS = 0o011
/** Groups may read the keys of certificates: several programs use them. */
const READ_BY_ALL = 0o004

/** Warnings of what strangers and other users of this machine may do, each as a sentence. */
export const openToOthers = async (config: Config): Promise<readonly string[]> => {
  const { server, storage, listen } = config
  const files = await Promise.all([
    openFolder(storage.dataFolder),
    openFile('signing key', server.signingKeyFile ?? keyFileIn(storage.dataFolder), READ_BY_OTHERS),
    openDatabase(storage.database),
    openFile('TLS key', listen.tls?.keyFile, READ_BY_ALL),
    openFile('TLS key of the federation port', listen.federation?.keyFile, READ_BY_ALL),
  ])
  return [openRegistration(config), ...files].filter((warning) => warning !== undefined)
}

const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/

/** A warning where whoever reaches the server can make an account, unasked. */
export const openRegistration = ({ registration, listen }: Config): string | undefined => {
  const { mode, captcha, email } = registration
  if (mode !== 'open' || captcha || email === 'required' || LOOPBACK.test(listen.host)) return undefined
  return 'Registration is open, and the server listens beyond this machine: anybody who reaches it can make accounts; registration.mode token or closed keeps strangers out'
}

const modeOf = async (path: string): Promise<number | undefined> => {
  // Windows has no such modes.
  if (process.platform === 'win32') return undefined
  try {
    return (await stat(path)).mode & 0o777
  } catch {
    return undefined
  }
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0')

const openFolder = async (folder: string): Promise<string | undefined> => {
  const mode = await modeOf(folder)
  if (mode === undefined || (mode & CHANGED_BY_OTHERS) === 0) return undefined
  return `The data folder ${folder} can be changed by other users of this machine (mode ${octal(mode)}): chmod 700 it`
}

/** A folder that others may not enter keeps them from the files in it, whatever their modes: SQLite makes files as the process's mask says. */
const openDatabase = async (database: Database): Promise<string | undefined> => {
  if (database.kind !== 'sqlite') return undefined
  const mode = await modeOf(dirname(database.path))
  if (mode === undefined || (mode & ENTERED_BY_OTHERS) === 0) return undefined
  return openFile('database', database.path, READ_BY_OTHERS)
}

/** Warns of a file that holds secrets. */
export const openFile = async (kind: string, file: string | undefined, mask: number): Promise<string | undefined> => {
  const mode = file === undefined ? undefined : await modeOf(file)
  if (mode === undefined || (mode & mask) === 0) return undefined
  return `The ${kind} ${file} can be read by other users of this machine (mode ${octal(mode)}): chmod 600 it`
}
