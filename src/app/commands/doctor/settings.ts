import { X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { systemClock } from '#base'
import { type Config, ConfigError } from '#config'
import { inspectDatabase } from '#store'
import { databaseName, urlOf } from '../../host/database.ts'
import { openToOthers } from '../../host/open-to-others.ts'
import { reasonOf } from '../../host/start-error.ts'
import { readPem } from '../../host/tls-files.ts'
import { checkConfig } from '../check-config.ts'
import type { ReadConfig } from '../settings.ts'
import { type DoctorFinding, Findings } from './finding.ts'

const DAY_MS = 86_400_000
const SLOW_DATABASE_MS = 250
const LARGE_WAL = 1024 ** 3

/** The configuration with all that it names. */
export const examineSettings = async (read: ReadConfig): Promise<readonly DoctorFinding[]> => {
  const { config, warnings } = read
  const settings = new Findings('configuration')
  try {
    await checkConfig(read)
    settings.good(`the settings fit together: ${config.server.name} on ${config.listen.host}:${config.listen.port}`)
  } catch (error) {
    for (const { path, message } of problemsOf(error))
      settings.bad(`${path}: ${message}`, 'Mend the setting; docs/configuration.md has them all.')
  }
  for (const warning of [...warnings, ...(await openToOthers(config))]) {
    const [text = warning, advice = 'See docs/running.md.'] = warning.split(/[:;] (?=[^:;]*$)/)
    settings.note(text, advice)
  }
  return settings.all
}

export const problemsOf = (error: unknown): ConfigError['problems'] => {
  if (error instanceof ConfigError) return error.problems
  throw error
}

export const examineDatabase = async ({ storage: { database } }: Config): Promise<readonly DoctorFinding[]> => {
  const findings = new Findings('database')
  const name = databaseName(database)
  const startMs = systemClock.monotonicMs()
  try {
    const { kind } = await inspectDatabase(urlOf(database))
    const tookMs = Math.round(systemClock.monotonicMs() - startMs)
    if (kind !== 'found') findings.note(`there is no server in ${name} yet`, 'The first start makes one.')
    else if (tookMs > SLOW_DATABASE_MS)
      findings.note(
        `${name} took ${tookMs} ms to be opened and read`,
        'Each commit waits for it: put it nearer, or on a quicker disk.',
      )
    else findings.good(`${name} was opened and read in ${tookMs} ms`)
  } catch (error) {
    findings.bad(`${name} cannot be used: ${reasonOf(error)}`, 'See that it runs, and that this user may open it.')
  }
  if (database.kind === 'sqlite') await examineWal(database.path, findings)
  return findings.all
}

const examineWal = async (path: string, findings: Findings): Promise<void> => {
  const sizeBytes = await stat(`${path}-wal`).then(
    ({ size }) => size,
    () => 0,
  )
  if (sizeBytes > LARGE_WAL)
    findings.note(
      `${path}-wal has grown to ${(sizeBytes / LARGE_WAL).toFixed(1)} GiB`,
      'Something reads the database for very long, such as a copy of it: let it end, or start the server anew.',
    )
}

/** How long the certificates of files are good. That they fit their keys, `checkConfig` has seen. */
export const examineCertificates = async ({ listen }: Config): Promise<readonly DoctorFinding[]> => {
  const findings = new Findings('certificates')
  const files = new Set([listen.tls?.certFile, listen.federation?.certFile])
  for (const file of files) {
    if (file === undefined) continue
    try {
      const endsMs = Date.parse(new X509Certificate(await readPem(file)).validTo)
      judgeCertificate(`the certificate in ${file}`, endsMs, findings)
    } catch {
      // Told with the settings.
    }
  }
  return findings.all
}

export const judgeCertificate = (name: string, endsMs: number, findings: Findings): void => {
  const days = Math.floor((endsMs - systemClock.nowMs()) / DAY_MS)
  const renew = 'Renew it; "systemctl reload homeroom" (SIGHUP) reads the new files.'
  if (days < 0) findings.bad(`${name} is over since ${new Date(endsMs).toISOString()}`, renew)
  else if (days < 14) findings.note(`${name} is good for ${days} more days`, renew)
  else findings.good(`${name} is good for ${days} more days`)
}
