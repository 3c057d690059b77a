import type { ApplicationService, ServiceAccounts } from '#domain'
import type { User } from '#http'
import { MatrixError } from '#spec'

interface ServiceRequest {
  readonly requester: User | undefined
  readonly query: object
  header(name: string): string | undefined
}

/** The service that asks, where a request needs one. Throws `M_MISSING_TOKEN`, and `M_UNKNOWN_TOKEN` for tokens of others. */
export const serviceOf = (
  { requester, query, header }: ServiceRequest,
  accounts: Pick<ServiceAccounts, 'service'>,
): ApplicationService => {
  if (requester !== undefined) return accounts.service(requester.service)
  if (header('authorization') === undefined && !('access_token' in query))
    throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
  throw new MatrixError('M_UNKNOWN_TOKEN', 'That is no token of an application service', {
    fields: { soft_logout: false },
  })
}
