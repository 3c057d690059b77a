import { oneOf } from '../kinds.ts'
import { setting } from '../setting.ts'

export const logging = {
  title: 'What it logs, on the standard error',
  settings: {
    level: setting(oneOf('debug', 'info', 'warn', 'error', 'silent'), 'info', {
      flag: 'log-level',
      reloads: true,
      description: 'The least important line that is written; debug has a line for every request.',
    }),
    format: setting(oneOf('json', 'text'), 'json', {
      description: 'json: each line is an object, for programs; text: for people.',
    }),
  },
} as const
