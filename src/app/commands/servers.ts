import type { Command } from 'commander'
import { isJsonObject } from '#spec'
import { type CommandContext, type Operand, operatorCommand, said, textIn } from './output.ts'

const SERVER: Operand = {
  name: 'server',
  description: 'the name of the server; a star stands for any characters, a question mark for one',
}

interface ByServer {
  readonly server: string
}

/** Adds the commands over the servers with which this one does not talk. */
export const addServerCommands = (program: Command, context: CommandContext): void => {
  const servers = program.command('servers').description('other servers: block, unblock, list those blocked')
  operatorCommand(servers, context, {
    name: 'list-blocked',
    description:
      'list the servers that administrators blocked; the settings federation.allow and deny hold beside them',
    options: [],
    run: async (ask) => {
      const answer = await ask('list-blocked-servers', {})
      const rows = Array.isArray(answer.servers) ? answer.servers.filter(isJsonObject) : []
      const lines = rows.map(
        (row) => `${textIn(row, 'server')}  by ${textIn(row, 'added_by')}  ${textIn(row, 'reason')}`,
      )
      return said(answer, rows.length === 0 ? 'No server is blocked.' : lines.map((line) => line.trimEnd()).join('\n'))
    },
  })
  operatorCommand<ByServer & { readonly reason?: string }>(servers, context, {
    ...{ name: 'block', description: 'talk with a server no more', operand: SERVER },
    options: [['--reason <text>', 'kept for administrators']],
    run: async (ask, { server, reason }) => {
      const answer = await ask('set-server-blocked', {
        ...{ server, blocked: true },
        ...(reason === undefined ? {} : { reason }),
      })
      return said(answer, `${textIn(answer, 'server')} is blocked.`)
    },
  })
  operatorCommand<ByServer>(servers, context, {
    ...{ name: 'unblock', description: 'talk with the server again', operand: SERVER },
    options: [],
    run: async (ask, { server }) => {
      const answer = await ask('set-server-blocked', { server, blocked: false })
      return said(answer, `${server} is not blocked any more.`)
    },
  })
}
