import type { Command } from 'commander'
import { EXIT_CONFIG, StartError } from '../host/start-error.ts'
import { type CommandContext, type Operand, operatorCommand, said, textIn } from './output.ts'

interface Limit {
  readonly user: string
  readonly perSecond?: string
  readonly burst?: string
  readonly clear?: boolean
}

interface Expiry {
  readonly user: string
  readonly until?: string
  readonly never?: boolean
  readonly quiet?: boolean
}

const wrong = (text: string): StartError => new StartError(text, { exitCode: EXIT_CONFIG })

/** The bound that the server has too. */
const MOST = 1_000_000

const countIn = (text: string | undefined, flag: string): number => {
  if (text === undefined || !/^\d{1,7}$/.test(text) || Number(text) > MOST)
    throw wrong(`${flag} is a whole number from 0 to ${MOST}`)
  return Number(text)
}

/** A day, which begins at midnight UTC, or a time with its zone: a day that is not there is none. */
const DAY = /^\d{4}-\d\d-\d\d$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/

const timeIn = (text: string | undefined): number => {
  const ms = text !== undefined && (DAY.test(text) || TIME.test(text)) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms) || ms < 0) throw wrong('--until is a day or a time with its zone: 2027-12-31, 2027-12-31T18:00Z')
  return ms
}

/** Adds the commands that give one account a limit, an end and a type of its own. */
export const addUserLimits = (users: Command, context: CommandContext, operand: Operand): void => {
  operatorCommand<Limit>(users, context, {
    ...{ name: 'set-limit', description: 'give an account a limit of messages of its own', operand },
    options: [
      ['--per-second <number>', 'messages a second in the long run; 0: no limits'],
      ['--burst <number>', 'messages at once, after a pause'],
      ['--clear', 'limits as everybody has them'],
    ],
    run: async (ask, { user, perSecond, burst, clear = false }) => {
      if (clear) {
        const answer = await ask('set-limit', { user, limit: null })
        return said(answer, `${textIn(answer, 'user_id')} has limits as everybody.`)
      }
      const limit = { messages_per_second: countIn(perSecond, '--per-second'), burst_count: countIn(burst, '--burst') }
      const answer = await ask('set-limit', { user, limit })
      return said(answer, `${textIn(answer, 'user_id')} has a limit of its own.`)
    },
  })
  operatorCommand<Expiry>(users, context, {
    ...{ name: 'set-expiry', description: 'say until when an account can be used; nothing of it is lost', operand },
    options: [
      ['--until <time>', 'a day (its beginning in UTC) or a time, such as 2027-12-31T18:00Z'],
      ['--never', 'it has no end'],
      ['--quiet', 'its person is not told by mail beforehand'],
    ],
    run: async (ask, { user, until, never = false, quiet = false }) => {
      const untilMs = never ? null : timeIn(until)
      const answer = await ask('set-expiry', { user, expires_ts: untilMs, mails: !quiet })
      const words = untilMs === null ? 'has no end' : `is valid until ${new Date(untilMs).toISOString()}`
      return said(answer, `${textIn(answer, 'user_id')} ${words}.`)
    },
  })
  operatorCommand<{ readonly user: string; readonly type?: string }>(users, context, {
    ...{ name: 'set-type', description: 'say whose an account is; it grants nothing', operand },
    options: [['--type <type>', 'bot or support; without, a person']],
    run: async (ask, { user, type }) => {
      const answer = await ask('set-type', { user, user_type: type ?? null })
      return said(answer, `${textIn(answer, 'user_id')} is that of ${type === undefined ? 'a person' : `a ${type}`}.`)
    },
  })
}
