import { databaseUrl, path } from '../kinds.ts'
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
  },
} as const
