import { Type } from 'typebox'
import type { ServerCheck } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { MatrixError, parseServerName } from '#spec'

export interface OperatorFederationDeps {
  readonly serverCheck: Pick<ServerCheck, 'run'>
}

/** Says why another server cannot be reached, or this one by others. */
export const operatorFederationEndpoints = ({ serverCheck }: OperatorFederationDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/check-federation'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ server: Type.String({ minLength: 1, maxLength: 255 }) }),
    handler: async ({ body }) => {
      const server = parseServerName(body.server)
      if (server === undefined) throw new MatrixError('M_INVALID_PARAM', `${body.server} is no server name`)
      const findings = await serverCheck.run(server)
      return { server, ok: findings.every(({ ok }) => ok), findings: findings.map(({ ok, text }) => ({ ok, text })) }
    },
  }),
]
