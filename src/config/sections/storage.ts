import { databaseUrl, oneOf, path, yesOrNo } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const storage = {
  title: 'What it keeps',
  settings: {
    data: setting(path, './data', {
      flag: 'data',
      description: 'The folder for database, signing key and media; made with mode 0700.',
    }),
    database: optional(databaseUrl, {
      flag: 'database',
      secret: true,
      description: 'sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE. Unset: homeroom.sqlite in the data folder.',
    }),
    severalProcesses: setting(yesOrNo, false, {
      description:
        'Whether several processes of one homeserver may use this PostgreSQL database at the same time, each with a data folder of its own. They write correctly, but do not hear at once of what the others write: for tests. Otherwise a second process is refused.',
    }),
    durability: setting(oneOf('full', 'relaxed'), 'full', {
      description:
        'full: what was acknowledged is on the disk, and survives a power cut. relaxed: it survives a crash of the server, but a power cut or a crash of the operating system may take the last moments with it; quicker on slow disks.',
    }),
  },
} as const
