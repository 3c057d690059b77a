import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** `full`: a commit is on the disk before it is acknowledged. `relaxed`: it is written, and on the disk somewhat later. */
export type Durability = 'full' | 'relaxed'

export interface Database {
  readonly kind: 'SQLite' | 'PostgreSQL'
  readonly durability: Durability
}

/** What one server is started with. */
export interface Place {
  /** Where the peer is installed. */
  readonly installed: string
  /** Empty at first: configuration, keys and data of this server. */
  readonly home: string
  readonly port: number
  readonly database: Database
  /** Of a database of its own, on PostgreSQL. */
  readonly databaseUrl: string | undefined
}

/** A homeserver that is measured beside the others. */
export interface Peer {
  readonly name: string
  readonly version: string
  /** Brings it into the folder, by the ordinary clients of package registries. Does nothing where it is there already. */
  install(folder: string): Promise<void>
  /** Writes configuration and keys, and answers with the shell command that starts the server. */
  configure(place: Place): Promise<string>
}

const run = promisify(execFile)

/** Runs a program to its end. Rejects with what it said where it fails. */
export const must = async (
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> => {
  await run(program, [...args], { env: { ...process.env, ...env }, maxBuffer: 64 * 1024 * 1024 })
}

/** Far beyond what the bench asks for: none of the measured servers may refuse anything. */
export const ANY_RATE = { per_second: 100_000, burst_count: 100_000 }

/** The name of the measured servers. No other server ever asks for it. */
export const SERVER_NAME = 'bench.localhost'

export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
