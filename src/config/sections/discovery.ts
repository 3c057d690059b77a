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
