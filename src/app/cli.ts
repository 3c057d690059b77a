import { Command, CommanderError } from 'commander'
import { ConfigError } from '#config'
import { addAppServiceCommands } from './commands/appservices.ts'
import { addAuditCommands } from './commands/audit.ts'
import { addDoctorCommand } from './commands/doctor.ts'
import { addFederationCommands } from './commands/federation.ts'
import { addGenerateAppService } from './commands/generate-appservice.ts'
import { addMediaCommands } from './commands/media.ts'
import { addNoticeCommands } from './commands/notices.ts'
import { addRoomCommands } from './commands/rooms.ts'
import { addServerCommands } from './commands/servers.ts'
import { readConfig, withConfigFlags } from './commands/settings.ts'
import { addTokenCommands } from './commands/tokens.ts'
import { addUserCommands } from './commands/users.ts'
import { PACKAGE_VERSION } from './host/package-version.ts'
import { EXIT_CONFIG, StartError } from './host/start-error.ts'

/** Runs one command of the `homeroom` program. Returns its exit code. Messages for people go to the standard error. */
export const runCli = async (args: readonly string[]): Promise<number> => {
  // Files are readable for this user alone.
  process.umask(0o077)
  let exitCode = 0
  const program = new Command('homeroom')
    .description('A Matrix homeserver')
    .version(PACKAGE_VERSION, '-v, --version')
    .exitOverride()

  withConfigFlags(program.command('start').description('run the homeserver')).action(async (_options, command) => {
    const { runServer } = await import('./commands/start.ts')
    exitCode = await runServer(() => readConfig(command, process.env))
  })

  withConfigFlags(
    program
      .command('check-config')
      .description(
        'say what is wrong with the configuration and what it names, or what it amounts to; changes nothing',
      ),
  ).action(async (_options, command) => {
    const { checkConfig } = await import('./commands/check-config.ts')
    process.stdout.write(await checkConfig(await readConfig(command, process.env)))
  })

  const context = {
    environment: process.env,
    ended: (code: number) => {
      exitCode = code
    },
  }
  addUserCommands(program, context)
  addTokenCommands(program, context)
  addAuditCommands(program, context)
  addRoomCommands(program, context)
  addServerCommands(program, context)
  addMediaCommands(program, context)
  addNoticeCommands(program, context)
  addFederationCommands(program, context)
  addDoctorCommand(program, context)
  addAppServiceCommands(program, context)
  addGenerateAppService(program, context)

  program
    .command('version')
    .description('print the version')
    .action(() => {
      process.stdout.write(`homeroom ${PACKAGE_VERSION}\n`)
    })

  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    return explain(error)
  }
}

/** Prints expected failures without a stack; anything else is a bug and is thrown on. */
const explain = (error: unknown): number => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CONFIG
  if (error instanceof ConfigError) {
    const lines = error.problems.map(({ path, message }) => `  ${path}: ${message}`)
    const count = lines.length === 1 ? 'one problem' : `${lines.length} problems`
    process.stderr.write(`homeroom: the configuration has ${count}\n${lines.join('\n')}\n`)
    return EXIT_CONFIG
  }
  if (error instanceof StartError) {
    process.stderr.write(`homeroom: ${error.message}\n`)
    return error.exitCode
  }
  throw error
}
