import { readFile } from 'node:fs/promises'
import type { Command, OptionValues } from 'commander'
import { type Config, ConfigError, type ConfigProblem, holdsSecrets, loadConfig, PLACES, suggestion } from '#config'
import { openFile } from '../host/open-to-others.ts'
import { reasonOf } from '../host/start-error.ts'

/** Groups may share a configuration. */
const READ_BY_ALL = 0o004

const CONFIG_FILE_VARIABLE = 'HOMEROOM_CONFIG'

const camelCase = (words: string): string => words.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** Gives a command the flags of the configuration. Unknown flags are left alone and reported with all other problems. */
export const withConfigFlags = (command: Command): Command => {
  command.option('--config <file>', 'YAML file with settings; docs/configuration.md has them all')
  for (const { setting } of PLACES) {
    if (setting.flag === undefined) continue
    const argument = setting.flagMeans === undefined ? ' <value>' : ''
    command.option(`--${setting.flag}${argument}`, setting.description)
  }
  return command.allowUnknownOption().allowExcessArguments()
}

/** Commander reads `--no-x` as the opposite of `--x`. */
const flagsOf = (options: OptionValues): Record<string, string | true | undefined> => {
  const flags: Record<string, string | true | undefined> = {}
  for (const { setting } of PLACES) {
    const { flag } = setting
    if (flag === undefined) continue
    if (flag.startsWith('no-')) flags[flag] = options[camelCase(flag.slice(3))] === false ? true : undefined
    else flags[flag] = options[camelCase(flag)] as string | undefined
  }
  return flags
}

export interface ReadConfig {
  readonly config: Config
  /** Warnings: nothing is wrong, and yet it should be told. */
  readonly warnings: readonly string[]
}

/** Reads the configuration from flags, environment and file. Throws `ConfigError` with all problems of the three. */
export const readConfig = async (
  command: Command,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<ReadConfig> => {
  const options = command.opts()
  const problems = unknownArguments(command)
  const name = (options.config as string | undefined) ?? environment[CONFIG_FILE_VARIABLE]
  const text = name === undefined ? undefined : await readText(name, problems)
  const file = name === undefined || text === undefined ? {} : { file: { name, text } }
  try {
    const config = loadConfig({ flags: flagsOf(options), environment, ...file })
    if (problems.length === 0) return { config, warnings: await warningsOf(file.file) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
  }
  throw new ConfigError(problems)
}

const warningsOf = async (file: { readonly name: string; readonly text: string } | undefined) => {
  if (file === undefined || !holdsSecrets(file)) return []
  const warning = await openFile('configuration file', file.name, READ_BY_ALL)
  return warning === undefined ? [] : [warning]
}

/** Arguments that commander could not make sense of. The value behind an unknown flag is not told of a second time. */
const unknownArguments = (command: Command): ConfigProblem[] => {
  const flags = command.options.map(({ long }) => long ?? '')
  const declared = command.registeredArguments.length
  return command.args
    .filter((argument, index) => {
      const isValue = index < declared || command.args[index - 1]?.startsWith('-') === true
      return argument.startsWith('-') || !isValue
    })
    .map((argument) => {
      const path = argument.split('=')[0] ?? argument
      const end = path.startsWith('-') ? suggestion(path, flags, '--help lists them') : '--help lists them'
      return { path, message: `expected a flag of this command; ${end}` }
    })
}

const readText = async (name: string, problems: ConfigProblem[]): Promise<string | undefined> => {
  try {
    return await readFile(name, 'utf8')
  } catch (cause) {
    problems.push({ path: '--config', message: `expected a file that can be read; ${name}: ${reasonOf(cause)}` })
    return undefined
  }
}
