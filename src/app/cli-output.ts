import type { Command } from 'commander'
import type { Config } from '#config'
import { type JsonObject, stringAt } from '#spec'
import { readConfig, withConfigFlags } from './cli-config.ts'
import type { Ask } from './operator/ask.ts'

/** The answer to a command: for programs, and in words. */
export interface Said {
  readonly json: JsonObject
  readonly text: string
}

export const said = (json: JsonObject, text: string): Said => ({ json, text })

export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Called with the exit code of the command that was run. */
  ended(exitCode: number): void
}

interface OperatorCommand<Options> {
  readonly name: string
  readonly description: string
  /** Flag and description. The first of a command over one user is required. */
  readonly options: readonly (readonly [flag: string, description: string])[]
  run(ask: Ask, options: Options, config: Config): Promise<Said>
}

/** Adds a command of the operator; with `--json` it prints one JSON text. */
export const operatorCommand = <Options>(
  program: Command,
  { environment, ended }: CommandContext,
  { name, description, options, run }: OperatorCommand<Options>,
): void => {
  const command = program.command(name).description(`${description}; also while the server runs`)
  for (const [flag, words] of options) {
    if (flag === '--user <name>') command.requiredOption(flag, words)
    else command.option(flag, words)
  }
  command.option('--json', 'print JSON')
  withConfigFlags(command).action(async (given: Options & { json?: boolean }) => {
    const { config } = await readConfig(command, environment)
    const { withOperator } = await import('./cli-operator.ts')
    const { json, text } = await withOperator(config, (ask) => run(ask, given, config))
    const lines = given.json === true ? JSON.stringify(json, null, 2) : text
    if (lines !== '') process.stdout.write(`${lines}\n`)
    ended(0)
  })
}

/** The text of that name in an answer of the server. */
export const textIn = (answer: JsonObject, name: string): string => stringAt(answer, name) ?? ''
