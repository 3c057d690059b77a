import { duration } from '../kinds.ts'
import { optional, setting } from '../setting.ts'

export const accountValidity = {
  title: 'Accounts that end: mails by which their people renew them',
  settings: {
    renewalPeriod: optional(duration, {
      description:
        'How long an account is valid after its person renewed it by the link in a mail. Set, people whose accounts an administrator gave an end are told before it by e-mail; needs mail.smtpHost. Unset: no such mails, and only administrators renew accounts.',
    }),
    warnBefore: setting(duration, '14d', {
      description: 'How long before the end the mail is sent, once for each end. At most half of renewalPeriod counts.',
    }),
  },
} as const
