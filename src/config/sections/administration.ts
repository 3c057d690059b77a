import { durationOrNever, integer } from '../kinds.ts'
import { setting } from '../setting.ts'

export const administration = {
  title: 'Administration: what is remembered of it',
  settings: {
    auditLogEntries: setting(integer(100, 10_000_000, 'entries'), 100_000, {
      description: 'How many deeds of administrators the audit log remembers; the oldest go.',
    }),
    auditLogAge: setting(durationOrNever, '365d', {
      description: 'For how long it remembers them.',
    }),
  },
} as const
