import { duration, list, path } from '../kinds.ts'
import { setting } from '../setting.ts'

export const appservices = {
  title: 'Application services: bridges and bots that act for many users',
  settings: {
    files: setting(list(path), [], {
      description:
        'Registration files, and folders whose .yaml and .yml files are registrations. They are read again when they change; docs/bridges.md says how to connect a bridge.',
    }),
    requestTimeout: setting(duration, '60s', {
      description:
        'How long one request to an application service may take; lookups that a user waits for take at most 10s.',
    }),
  },
} as const
