import type { Command } from 'commander'
import type { JsonObject } from '#spec'
import { StartError } from '../host/start-error.ts'
import { type CommandContext, type Operand, operatorCommand, said, textIn } from './output.ts'
import { allRows } from './pages.ts'
import { daysAgo, jobLine } from './rooms.ts'

const URI: Operand = { name: 'uri', description: 'mxc://server/id' }
const JOB: Operand = { name: 'job', description: 'the id of the job' }
const REPORT: Operand = { name: 'report', description: 'the number of the report' }

const DEEDS = [
  ['quarantine', 'give the media, and all with the same bytes, to nobody any more'],
  ['unquarantine', 'give it out again'],
  ['protect', 'keep a media of this server from quarantine'],
  ['unprotect', 'end that'],
  ['delete', 'remove a media of this server'],
] as const

/** Adds the commands over media, jobs and reports. */
export const addMediaCommands = (program: Command, context: CommandContext): void => {
  const media = program.command('media').description('media: quarantine, protect, delete …')
  for (const [name, description] of DEEDS) {
    operatorCommand<{ readonly uri: string }>(media, context, {
      ...{ name, description },
      operand: URI,
      options: [],
      run: async (ask, { uri }) => said(await ask('change-media', { uri, deed: name }), `Done: ${name} ${uri}`),
    })
  }
  operatorCommand<{ days?: string; largerThan?: string; profiles?: boolean }>(media, context, {
    name: 'delete-old',
    description: 'remove media of this server that nobody asked for; a job',
    options: [
      ['--days <number>', 'for so many days'],
      ['--larger-than <bytes>', 'only larger ones'],
      ['--profiles', 'avatars of users and rooms too'],
    ],
    run: async (ask, { days, largerThan = '0', profiles = false }) => {
      if (!/^\d{1,15}$/.test(largerThan)) throw new StartError('--larger-than takes a whole number')
      const wish = { before_ts: daysAgo(days), size_gt: Number(largerThan), keep_profiles: !profiles }
      const answer = await ask('delete-old-media', wish)
      return said(answer, jobLine(answer))
    },
  })
  operatorCommand<{ days?: string }>(media, context, {
    name: 'purge-cache',
    description: 'remove copies of media of other servers that nobody asked for; a job',
    options: [['--days <number>', 'for so many days']],
    run: async (ask, { days }) => {
      const answer = await ask('purge-media-cache', { before_ts: daysAgo(days) })
      return said(answer, jobLine(answer))
    },
  })
  addJobCommands(program, context)
  addReportCommands(program, context)
}

const addReportCommands = (program: Command, context: CommandContext): void => {
  const reports = program.command('reports').description('what people reported: list, delete')
  operatorCommand(reports, context, {
    ...{ name: 'list', description: 'list all reports, newest first' },
    options: [],
    run: async (ask) => {
      const list = { command: 'list-reports', at: 'before', first: Number.MAX_SAFE_INTEGER, rows: 'reports' }
      const found = await allRows(ask, list)
      return said({ reports: found }, found.length === 0 ? 'There are no reports.' : found.map(reportLine).join('\n'))
    },
  })
  operatorCommand<{ readonly report: string }>(reports, context, {
    ...{ name: 'delete', description: 'remove a report that was dealt with' },
    operand: REPORT,
    options: [],
    run: async (ask, { report }) => {
      if (!/^\d{1,15}$/.test(report)) throw new StartError('A report is named by its number')
      return said(await ask('delete-report', { report: Number(report) }), `Removed report ${report}.`)
    },
  })
}

const reportLine = (report: JsonObject): string => {
  const about = ['user_id', 'room_id', 'event_id'].map((name) => textIn(report, name)).filter((name) => name !== '')
  const time = new Date(Number(report.reported_ts)).toISOString().slice(0, 16).replace('T', ' ')
  const known = report.founded === true ? '' : ' (not known here)'
  return `${Number(report.report)}  ${time}  ${textIn(report, 'reporter')}  ${about.join(' ')}${known}  ${textIn(report, 'reason')}`
}

const addJobCommands = (program: Command, context: CommandContext): void => {
  const jobs = program.command('jobs').description('long work: list, show, cancel')
  operatorCommand<object>(jobs, context, {
    ...{ name: 'list', description: 'list the jobs of the last week, newest first' },
    options: [],
    run: async (ask) => {
      const answer = await ask('list-jobs', {})
      const jobs = answer.jobs as readonly JsonObject[]
      return said(answer, jobs.length === 0 ? 'There are no jobs.' : jobs.map(lineOf).join('\n'))
    },
  })
  operatorCommand<{ readonly job: string }>(jobs, context, {
    ...{ name: 'show', description: 'show how far a job is' },
    operand: JOB,
    options: [],
    run: async (ask, { job }) => {
      const answer = await ask('show-job', { job })
      return said(answer, `${lineOf(answer)}\n${JSON.stringify(answer.result ?? answer.progress)}`)
    },
  })
  operatorCommand<{ readonly job: string }>(jobs, context, {
    ...{ name: 'cancel', description: 'end a job; what it has done stays done' },
    operand: JOB,
    options: [],
    run: async (ask, { job }) => {
      const answer = await ask('cancel-job', { job })
      return said(answer, answer.cancelled === true ? `Cancelled ${job}.` : `${job} had ended already.`)
    },
  })
}

const lineOf = (job: JsonObject): string =>
  [textIn(job, 'id'), textIn(job, 'kind'), textIn(job, 'state'), textIn(job, 'subject'), textIn(job, 'error')]
    .filter((part) => part !== '')
    .join('  ')
