import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { systemRandom } from '#base'
import type { Config } from '#config'
import { EXIT_CONFIG, reasonOf, StartError } from '../host/start-error.ts'
import type { CommandContext } from './output.ts'
import { readConfig, withConfigFlags } from './settings.ts'

interface Wishes {
  readonly url?: string
  readonly sender?: string
  readonly users?: readonly string[]
  readonly aliases?: readonly string[]
  readonly rooms?: readonly string[]
  readonly shared?: boolean
  readonly encryption?: boolean
  readonly ephemeral?: boolean
  readonly unlimited?: boolean
  readonly doublePuppets?: boolean
  readonly output?: string
}

/** Letters and digits; some 380 bits. */
const TOKEN_LENGTH = 64
/** The file is for its owner alone: whoever reads it can act as the service. */
const OWN_MODE = 0o600

/** Adds the command that writes a registration file. It asks no server: a file takes effect where the configuration names it. */
export const addGenerateAppService = (program: Command, { environment, ended }: CommandContext): void => {
  const command = program
    .command('generate-appservice')
    .description(
      'write a registration file for an application service, with new secrets, for bridges and bots that write none themselves',
    )
    .argument('[id]', 'the name of the service among the others')
    .option('--url <url>', 'where this server reaches it; without, it is sent nothing')
    .option('--sender <name>', 'the user that it is when it names none; without, the id')
    .option('--users <regex...>', 'user ids that are its own, such as "@_irc_.*:example\\.org"')
    .option('--aliases <regex...>', 'room aliases that are its own')
    .option('--rooms <regex...>', 'room ids whose events concern it')
    .option('--shared', 'these users and aliases are not its own alone')
    .option('--ephemeral', 'it is sent typing, receipts and presence')
    .option('--encryption', 'it is sent what encryption needs, for bridges that encrypt; with --ephemeral')
    .option('--unlimited', 'no limits count its requests')
    .option(
      '--double-puppets',
      'for bridges that speak as the real accounts: all users, shared, without url and limits',
    )
    .option('--output <file>', 'a file that is not there yet; without, the text is printed')
  withConfigFlags(command).action(async (id: string | undefined) => {
    const { config } = await readConfig(command, environment)
    if (id === undefined)
      throw new StartError('The id is missing: generate-appservice --help', { exitCode: EXIT_CONFIG })
    const wishes: Wishes = command.opts()
    const text = await registrationText(id, wishes, config)
    if (wishes.output === undefined) process.stdout.write(text)
    else await writeNew(wishes.output, text)
    ended(0)
  })
}

/** Throws `StartError` for what this server would not take. */
const registrationText = async (id: string, wishes: Wishes, { server }: Config): Promise<string> => {
  // Every command of the program is read at its start, and the domain is most of the server.
  const [{ stringify }, { parseRegistration }] = await Promise.all([import('yaml'), import('#domain')])
  const puppets = wishes.doublePuppets === true
  const exclusive = !(wishes.shared === true || puppets)
  const everybody = [`@.*:${server.name.replaceAll('.', '\\.')}`]
  const namespace = (patterns: readonly string[], own: boolean) => patterns.map((regex) => ({ regex, exclusive: own }))
  const namespaces = {
    users: namespace(puppets ? [...everybody, ...(wishes.users ?? [])] : (wishes.users ?? []), exclusive),
    aliases: namespace(wishes.aliases ?? [], exclusive),
    // Rooms are of everybody who is in them.
    rooms: namespace(wishes.rooms ?? [], false),
  }
  const encryption = wishes.encryption === true
  const text = stringify(
    {
      id,
      url: puppets ? null : (wishes.url ?? null),
      as_token: systemRandom.token(TOKEN_LENGTH),
      hs_token: systemRandom.token(TOKEN_LENGTH),
      sender_localpart: wishes.sender ?? id,
      rate_limited: !(wishes.unlimited === true || puppets),
      namespaces,
      ...(wishes.ephemeral === true || encryption
        ? { receive_ephemeral: true, 'de.sorunome.msc2409.push_ephemeral': true }
        : {}),
      ...(encryption ? { 'org.matrix.msc3202': true, 'io.element.msc4190': true } : {}),
    },
    { lineWidth: 0 },
  )
  const parsed = await parseRegistration(text, server.name)
  if (!parsed.ok) throw new StartError(`No such registration can be: ${parsed.failure}`, { exitCode: EXIT_CONFIG })
  return text
}

/** Writes a new file, never over another one: a service that runs by that one would know its tokens no more. */
const writeNew = async (file: string, text: string): Promise<void> => {
  try {
    await writeFile(file, text, { flag: 'wx', mode: OWN_MODE })
  } catch (error) {
    throw new StartError(`${file} cannot be written: ${reasonOf(error)}`, { exitCode: EXIT_CONFIG })
  }
}
