import type { Command } from 'commander'
import type { Config } from '#config'
import { type JsonObject, stringAt } from '#spec'
import { EXIT_CONFIG, StartError } from '../host/start-error.ts'
import type { Ask } from '../operator/ask.ts'
import { readConfig, withConfigFlags } from './settings.ts'

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

/** A flag whose value may stand alone too: `users show alice` is `users show --user alice`. It has to be given. */
export interface Operand {
  readonly name: string
  readonly description: string
}

interface OperatorCommand<Options> {
  /** Within a group: `list` of `users`. */
  readonly name: string
  /** The name of the whole as it was before there were groups, which is not listed: `list-users`. */
  readonly flat?: string
  readonly description: string
  readonly operand?: Operand
  /** Flag and description. */
  readonly options: readonly (readonly [flag: string, description: string])[]
  run(ask: Ask, options: Options, config: Config): Promise<Said>
}

/** Adds a command of the operator to a group, or to the program itself; with `--json` it prints one JSON text. */
export const operatorCommand = <Options>(
  place: Command,
  context: CommandContext,
  declared: OperatorCommand<Options>,
): void => {
  declare(place.command(declared.name), context, declared)
  const { flat } = declared
  if (flat !== undefined && place.parent !== null)
    declare(place.parent.command(flat, { hidden: true }), context, declared)
}

const declare = <Options>(
  command: Command,
  { environment, ended }: CommandContext,
  { description, operand, options, run }: OperatorCommand<Options>,
): void => {
  command.description(`${description}; also while the server runs`)
  if (operand !== undefined) {
    command.argument(`[${operand.name}]`, operand.description)
    command.option(`--${operand.name} <text>`, 'the same')
  }
  for (const [flag, words] of options) command.option(flag, words)
  command.option('--json', 'print JSON')
  withConfigFlags(command).action(async () => {
    const given: Options & { json?: boolean } = command.opts()
    const { config } = await readConfig(command, environment)
    const completed = operand === undefined ? given : withOperand(command, operand.name, given)
    const { withOperator } = await import('./operator.ts')
    const { json, text } = await withOperator(config, (ask) => run(ask, completed, config))
    const lines = given.json === true ? asJson(json) : withoutControls(text)
    if (lines !== '') process.stdout.write(`${lines}\n`)
    ended(0)
  })
}

/** The options, with the argument that stands alone among them. */
const withOperand = <Options>(command: Command, name: string, given: Options): Options => {
  const alone: unknown = command.processedArgs[0]
  const value = alone ?? (given as Readonly<Record<string, unknown>>)[name]
  if (value === undefined)
    throw new StartError(`The ${name} is missing: ${command.name()} --help`, { exitCode: EXIT_CONFIG })
  return { ...given, [name]: value }
}

/** JSON whose texts give a terminal no commands: `JSON.stringify` leaves the control characters above those of ASCII as they are. */
export const asJson = (value: JsonObject): string =>
  JSON.stringify(value, null, 2).replaceAll(
    /[\u007f-\u009f]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

/** The same for words: people choose names of rooms and devices, and servers what they answer. */
export const withoutControls = (text: string): string => text.replaceAll(/[^\P{Cc}\n]/gu, ' ')

/** A text as a part of one line, which nobody can make look like two. */
export const inOneLine = (text: string): string => text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')

/** The text of that name in an answer of the server, in one line. */
export const textIn = (answer: JsonObject, name: string): string => inOneLine(stringAt(answer, name) ?? '')
