import type { Command } from 'commander'
import { isJsonObject } from '#spec'
import { readConfig, withConfigFlags } from './cli-config.ts'
import { type CommandContext, textIn } from './cli-output.ts'

/** Adds the command that says why a server cannot be reached. Its exit code is 1 where a step fails. */
export const addFederationCommands = (program: Command, { environment, ended }: CommandContext): void => {
  const command = program
    .command('check-federation')
    .description(
      'say step by step whether another server can be reached from here and can reach this one; with the name of this server, whether its name leads here. While the server runs, or others cannot ask it for its key',
    )
    .argument('<server>', 'the name of the server, such as example.org')
    .option('--json', 'print JSON')
  withConfigFlags(command).action(async (server: string, { json }: { json?: boolean }) => {
    const { config } = await readConfig(command, environment)
    const { withOperator } = await import('./cli-operator.ts')
    const answer = await withOperator(config, (ask) => ask('check-federation', { server }))
    const findings = Array.isArray(answer.findings) ? answer.findings.filter(isJsonObject) : []
    const lines = findings.map((finding) => `${finding.ok === true ? 'good' : 'BAD '}  ${textIn(finding, 'text')}`)
    process.stdout.write(json === true ? `${JSON.stringify(answer, null, 2)}\n` : `${lines.join('\n')}\n`)
    ended(answer.ok === true ? 0 : 1)
  })
}
