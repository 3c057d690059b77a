import { baseUrl, nonEmptyText } from '../kinds.ts'
import { optional } from '../setting.ts'

export const support = {
  title: 'Whom to ask: /.well-known/matrix/support',
  settings: {
    adminMatrixId: optional(nonEmptyText, { description: 'User id of the administrator.' }),
    adminEmail: optional(nonEmptyText, { description: 'E-mail address of the administrator.' }),
    securityMatrixId: optional(nonEmptyText, { description: 'User id for reports of security problems.' }),
    securityEmail: optional(nonEmptyText, { description: 'E-mail address for reports of security problems.' }),
    page: optional(baseUrl, { description: 'A page with help for users of this server.' }),
  },
} as const

export const federation = {
  title: 'Where other servers find it: /.well-known/matrix/server',
  settings: {
    delegatedTo: optional(nonEmptyText, {
      description: 'host:port that other servers shall use for this server name. Unset: that page answers 404.',
    }),
  },
} as const
