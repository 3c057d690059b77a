import { duration, integer } from '../kinds.ts'
import { setting } from '../setting.ts'

export const delayedEvents = {
  title: 'Events that are sent later, by which calls end when a client is gone',
  settings: {
    maxDelay: setting(duration, '24h', { description: 'The longest that an event can be delayed.' }),
    maxScheduled: setting(integer(0, 100_000, 'events'), 100, {
      description: 'Delayed events that one user may have at a time, of 1 MiB together. 0: nobody can delay events.',
    }),
  },
} as const
