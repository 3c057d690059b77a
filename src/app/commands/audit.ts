import type { Command } from 'commander'
import type { JsonObject } from '#spec'
import { StartError } from '../host/start-error.ts'
import { type CommandContext, operatorCommand, said, textIn } from './output.ts'

interface AuditFlags {
  readonly by?: string
  readonly action?: string
  readonly subject?: string
  readonly before?: string
  readonly limit?: string
}

/** Adds the command that shows what administrators did. */
export const addAuditCommands = (program: Command, context: CommandContext): void => {
  const audit = program.command('audit').description('what administrators did: list')
  operatorCommand<AuditFlags>(audit, context, {
    name: 'list',
    description: 'list what administrators did, newest first',
    options: [
      ['--by <user>', 'of one administrator: a user id, or operator for whoever used commands'],
      ['--action <name>', 'one kind of deed, such as user.deactivate'],
      ['--subject <id>', 'done to one user, room …'],
      ['--before <id>', 'older than this entry; --json tells the ids'],
      ['--limit <number>', 'at most so many; 100 without'],
    ],
    run: async (ask, { before, limit = '100', ...filters }) => {
      const answer = await ask('list-audit-log', {
        ...filters,
        limit: numberIn(limit, '--limit', 500),
        ...(before === undefined ? {} : { before: numberIn(before, '--before', Number.MAX_SAFE_INTEGER) }),
      })
      return said(answer, (answer.entries as readonly JsonObject[]).map(lineOf).join('\n'))
    },
  })
}

const numberIn = (text: string, flag: string, most: number): number => {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : 0
  if (number < 1 || number > most) throw new StartError(`${flag} takes a whole number from 1 to ${most}`)
  return number
}

const lineOf = (entry: JsonObject): string => {
  const at = typeof entry.ts === 'number' ? new Date(entry.ts).toISOString().slice(0, 19).replace('T', ' ') : ''
  const details = JSON.stringify(entry.details)
  const parts = [at, textIn(entry, 'by'), textIn(entry, 'via'), textIn(entry, 'action'), textIn(entry, 'subject')]
  return [...parts, ...(details === '{}' ? [] : [details])].join('  ')
}
