import type { Command } from 'commander'
import type { CommandContext } from './output.ts'
import { readConfig, withConfigFlags } from './settings.ts'

/** Adds the command that looks at everything a server needs. Its exit code is 1 where something is wrong. */
export const addDoctorCommand = (program: Command, { environment, ended }: CommandContext): void => {
  const command = program
    .command('doctor')
    .description(
      'look at configuration, database, disk, clock, certificates, mail and the way from outside, and say what to do; changes nothing',
    )
    .option('--json', 'print JSON')
  withConfigFlags(command).action(async ({ json }: { json?: boolean }) => {
    const { examine, reportOf } = await import('./doctor/doctor.ts')
    const findings = await examine(() => readConfig(command, environment))
    const ok = findings.every(({ state }) => state !== 'bad')
    process.stdout.write(json === true ? `${JSON.stringify({ ok, findings }, null, 2)}\n` : reportOf(findings))
    ended(ok ? 0 : 1)
  })
}
