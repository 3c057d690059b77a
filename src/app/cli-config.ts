import { readFile } from 'node:fs/promises'
import type { Command, OptionValues } from 'commander'
import { type Config, ConfigError, type ConfigProblem, loadConfig, PLACES } from '#config'
import { reasonOf } from './start-error.ts'

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

/** Reads the configuration from flags, environment and file. Throws `ConfigError` with all problems of the three. */
export const readConfig = async (
  command: Command,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Config> => {
  const options = command.opts()
  const problems: ConfigProblem[] = command.args.map((argument) => ({
    path: argument.split('=')[0] ?? argument,
    message: 'expected a flag of this command; --help lists them',
  }))
  const name = (options.config as string | undefined) ?? environment[CONFIG_FILE_VARIABLE]
  const text = name === undefined ? undefined : await readText(name, problems)
  const file = name === undefined || text === undefined ? {} : { file: { name, text } }
  try {
    const config = loadConfig({ flags: flagsOf(options), environment, ...file })
    if (problems.length === 0) return config
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
  }
  throw new ConfigError(problems)
}

const readText = async (name: string, problems: ConfigProblem[]): Promise<string | undefined> => {
  try {
    return await readFile(name, 'utf8')
  } catch (cause) {
    problems.push({ path: '--config', message: `expected a file that can be read; ${name}: ${reasonOf(cause)}` })
    return undefined
  }
}
