import type { Command } from 'commander'
import { shownDate, systemClock, systemRandom } from '#base'
import type { JsonObject } from '#spec'
import { StartError } from '../host/start-error.ts'
import { type CommandContext, operatorCommand, said, textIn } from './output.ts'

const DAY_MS = 86_400_000

/** Adds the commands over registration tokens. */
export const addTokenCommands = (program: Command, context: CommandContext): void => {
  const tokens = program.command('tokens').description('registration tokens: list, create, revoke')
  operatorCommand<{ token?: string; uses?: string; days?: string }>(tokens, context, {
    ...{ name: 'create', flat: 'create-registration-token' },
    description: 'make a token to register with, for registration mode token',
    options: [
      ['--token <text>', 'the token; without, one is made up'],
      ['--uses <number>', 'for how many registrations; without, any number'],
      ['--days <number>', 'for how long; without, for ever'],
    ],
    run: async (ask, options) => {
      const uses = countOf(options.uses, '--uses')
      const days = countOf(options.days, '--days')
      const answer = await ask('create-registration-token', {
        token: options.token ?? systemRandom.token(20),
        ...(uses === undefined ? {} : { uses }),
        ...(days === undefined ? {} : { expires_ts: systemClock.nowMs() + days * DAY_MS }),
      })
      return said(answer, textIn(answer, 'token'))
    },
  })
  operatorCommand(tokens, context, {
    ...{ name: 'list', flat: 'list-registration-tokens' },
    description: 'list all registration tokens, one a line',
    options: [],
    run: async (ask) => {
      const answer = await ask('list-registration-tokens', {})
      return said(answer, (answer.tokens as JsonObject[]).map(tokenLine).join('\n'))
    },
  })
  operatorCommand<{ token: string }>(tokens, context, {
    ...{ name: 'revoke', flat: 'revoke-registration-token' },
    description: 'let nobody register with a token any more',
    operand: { name: 'token', description: 'the token' },
    options: [],
    run: async (ask, { token }) => {
      return said(await ask('revoke-registration-token', { token }), `Revoked ${token}.`)
    },
  })
}

const tokenLine = (token: JsonObject): string => {
  const { uses, uses_allowed: allowed, expires_ts: expires } = token
  const times = typeof uses === 'number' ? uses : 0
  const used = typeof allowed === 'number' ? `used ${times} of ${allowed} times` : `used ${times} times`
  const isOver = typeof expires === 'number' && expires <= systemClock.nowMs()
  const until =
    typeof expires === 'number' ? `, ${isOver ? 'over since' : 'until'} ${shownDate(expires).toISOString()}` : ''
  return `${textIn(token, 'token')} ${used}${until}`
}

const countOf = (text: string | undefined, flag: string): number | undefined => {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new StartError(`${flag} takes a whole number from 1 to 999999`)
  return Number(text)
}
