import { type AnyEndpoint, endpoint, none } from '#http'
import { MatrixError } from '#spec'

export interface SupportContact {
  readonly matrixId: string | undefined
  readonly emailAddress: string | undefined
}

export interface SupportDeps {
  readonly admin: SupportContact
  readonly security: SupportContact
  readonly supportPage: string | undefined
}

type Contact = { readonly role: string; readonly matrix_id?: string; readonly email_address?: string }
type Support = { readonly contacts?: readonly Contact[]; readonly support_page?: string }

const contact = (role: string, { matrixId, emailAddress }: SupportContact): readonly Contact[] =>
  matrixId === undefined && emailAddress === undefined
    ? []
    : [
        {
          role,
          ...(matrixId === undefined ? {} : { matrix_id: matrixId }),
          ...(emailAddress === undefined ? {} : { email_address: emailAddress }),
        },
      ]

/** `support.yaml`: at least one contact or the page, else 404. */
export const supportEndpoints = ({ admin, security, supportPage }: SupportDeps): readonly AnyEndpoint[] => {
  const contacts = [...contact('m.role.admin', admin), ...contact('m.role.security', security)]
  const body: Support = {
    ...(contacts.length === 0 ? {} : { contacts }),
    ...(supportPage === undefined ? {} : { support_page: supportPage }),
  }
  return [
    endpoint({
      method: 'GET',
      paths: ['/.well-known/matrix/support'],
      auth: none(),
      rateLimit: 'unlimited',
      handler: async (): Promise<Support> => {
        if (Object.keys(body).length === 0) throw new MatrixError('M_NOT_FOUND', 'No support contact is configured')
        return body
      },
    }),
  ]
}
