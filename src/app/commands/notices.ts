import type { Command } from 'commander'
import { StartError } from '../host/start-error.ts'
import type { Ask } from '../operator/ask.ts'
import { type CommandContext, operatorCommand, said, textIn } from './output.ts'
import { pagesOf } from './pages.ts'

/** Adds the command by which the server speaks to people. */
export const addNoticeCommands = (program: Command, context: CommandContext): void => {
  operatorCommand<{ user?: string; all?: boolean; text?: string }>(program, context, {
    name: 'send-notice',
    description: 'let the server speak to one user or to all, in a room of its own with each',
    options: [
      ['--text <text>', 'what it says'],
      ['--user <id>', 'the user id, or its part between @ and :'],
      ['--all', 'to everybody who has an account'],
    ],
    run: async (ask, { user, all = false, text }) => {
      if (text === undefined || text === '') throw new StartError('--text is missing')
      if ((user === undefined) !== all) throw new StartError('Name a --user, or --all')
      if (user !== undefined) {
        const answer = await ask('send-notice', { user, text })
        return said(answer, `Told ${textIn(answer, 'user_id')}.`)
      }
      const told = await tellAll(ask, text)
      return said({ users: told }, `Told ${told.length} ${told.length === 1 ? 'user' : 'users'}.`)
    },
  })
}

const tellAll = async (ask: Ask, text: string): Promise<string[]> => {
  const told: string[] = []
  for await (const accounts of pagesOf(ask, { command: 'list-users', at: 'after', rows: 'users' }))
    for (const account of accounts) {
      if (typeof account.deactivated_ts === 'number') continue
      told.push(textIn(await ask('send-notice', { user: textIn(account, 'user_id'), text }), 'user_id'))
    }
  return told
}
