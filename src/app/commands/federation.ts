import type { Command } from 'commander'
import { isJsonObject, type JsonObject } from '#spec'
import { asJson, type CommandContext, operatorCommand, said, textIn, withoutControls } from './output.ts'
import { readConfig, withConfigFlags } from './settings.ts'

/** Adds the command that says why a server cannot be reached. Its exit code is 1 where a step fails. */
export const addFederationCommands = (program: Command, context: CommandContext): void => {
  addDestinationCommands(program, context)
  const { environment, ended } = context
  const command = program
    .command('check-federation')
    .description(
      'say step by step whether another server can be reached from here and can reach this one; with the name of this server, whether its name leads here. While the server runs, or others cannot ask it for its key',
    )
    .argument('<server>', 'the name of the server, such as example.org')
    .option('--json', 'print JSON')
  withConfigFlags(command).action(async (server: string, { json }: { json?: boolean }) => {
    const { config } = await readConfig(command, environment)
    const { withOperator } = await import('./operator.ts')
    const answer = await withOperator(config, (ask) => ask('check-federation', { server }))
    const findings = Array.isArray(answer.findings) ? answer.findings.filter(isJsonObject) : []
    const lines = findings.map((finding) => `${finding.ok === true ? 'good' : 'BAD '}  ${textIn(finding, 'text')}`)
    process.stdout.write(`${json === true ? asJson(answer) : withoutControls(lines.join('\n'))}\n`)
    ended(answer.ok === true ? 0 : 1)
  })
}

/** Adds the commands about the servers to which this one sends. They ask the process that sends. */
const addDestinationCommands = (program: Command, context: CommandContext): void => {
  operatorCommand(program, context, {
    name: 'list-destinations',
    description: 'list the servers to which this one sends, those that do not take it first',
    options: [],
    run: async (ask) => {
      const answer = await ask('list-destinations', {})
      const destinations = Array.isArray(answer.destinations) ? answer.destinations.filter(isJsonObject) : []
      return said(answer, destinations.map(lineOf).join('\n'))
    },
  })
  operatorCommand<{ server?: string }>(program, context, {
    name: 'retry-destination',
    description: 'send to a server at once what waits for it',
    options: [['--server <name>', 'the name of the server']],
    run: async (ask, { server = '' }) => {
      const answer = await ask('retry-destination', { server })
      return said(answer, answer.known === true ? `Trying ${server} now.` : `Nothing is to be sent to ${server}.`)
    },
  })
}

const timeOf = (ms: unknown): string => (typeof ms === 'number' ? new Date(ms).toISOString() : 'never')

const lineOf = (destination: JsonObject): string => {
  const { failures, failing_since, retry_at, last_success, pending } = destination
  const server = textIn(destination, 'server')
  if (failures === 0)
    return `${server}  works, ${typeof pending === 'number' ? pending : 0} waiting, last success ${timeOf(last_success)}`
  return `${server}  fails since ${timeOf(failing_since)}, next try ${timeOf(retry_at)}, last success ${timeOf(last_success)}`
}
