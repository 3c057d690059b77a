import type { Config } from '#config'
import { Mailer } from '#net'
import type { ReadConfig } from '../settings.ts'
import { type DoctorFinding, Findings } from './finding.ts'
import { examineMachine } from './machine.ts'
import { examineOutside } from './outside.ts'
import { examineRunning } from './running.ts'
import { examineCertificates, examineDatabase, examineSettings, problemsOf } from './settings.ts'

export type { DoctorFinding } from './finding.ts'

/** Looks at everything that a server needs, and changes nothing. A configuration that cannot be read is the only finding then. */
export const examine = async (read: () => Promise<ReadConfig>): Promise<readonly DoctorFinding[]> => {
  let settings: ReadConfig
  try {
    settings = await read()
  } catch (error) {
    const findings = new Findings('configuration')
    for (const { path, message } of problemsOf(error))
      findings.bad(`${path}: ${message}`, 'Mend the setting; docs/configuration.md has them all.')
    return findings.all
  }
  const { config } = settings
  const parts = await Promise.all([
    examineSettings(settings),
    examineDatabase(config),
    examineMachine(config),
    examineCertificates(config),
    examineRunning(config),
    examineOutside(config),
    examineMail(config),
  ])
  return parts.flat()
}

const examineMail = async ({ mail }: Config): Promise<readonly DoctorFinding[]> => {
  const findings = new Findings('mail')
  if (mail.smtpHost === undefined) return []
  const failure = await Mailer.failureOf({
    host: mail.smtpHost,
    port: mail.smtpPort,
    security: mail.security,
    auth: mail.user === undefined ? undefined : { user: mail.user, pass: mail.password ?? '' },
    timeoutMs: Math.min(mail.timeout, 10_000),
  })
  if (failure === undefined) findings.good(`${mail.smtpHost} lets this server in`)
  else
    findings.bad(
      `${mail.smtpHost} does not let this server in: ${failure}`,
      'See the section mail of the settings, and docs/mail.md.',
    )
  return findings.all
}

const MARKS = { good: 'good', note: 'NOTE', bad: 'BAD ' } as const

/** The findings for people: one a line, with what to do below it. */
export const reportOf = (findings: readonly DoctorFinding[]): string => {
  const lines = findings.map(({ state, subject, text, advice }) => {
    const head = `${MARKS[state]}  ${subject.padEnd(13)}  ${text}`
    return advice === undefined ? head : `${head}\n${' '.repeat(21)}${advice}`
  })
  const counted = (state: DoctorFinding['state']): number => findings.filter((one) => one.state === state).length
  const [bad, notes] = [counted('bad'), counted('note')]
  const end =
    bad > 0
      ? `${bad === 1 ? 'One thing is' : `${bad} things are`} wrong.`
      : notes > 0
        ? 'Nothing is wrong; look at the notes.'
        : 'All is well.'
  return `${lines.join('\n')}\n\n${end}\n`
}
