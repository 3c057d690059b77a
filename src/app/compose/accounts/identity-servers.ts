import {
  type IdentityServerBindings,
  type IdentityServerCheck,
  type IdentityServerInviting,
  type IdentityServerMails,
  thirdPartyIdOf,
} from '#domain'
import { IdentityServerInvites, IdentityServers } from '#net'
import type { Ground } from '../ground/ground.ts'

/** The identity servers that the operator trusts. If one returns an address that is not valid here, its answer counts as not understood. */
export const buildIdentityServers = ({
  config,
  clock,
  logger,
  signingKey,
}: Pick<Ground, 'config' | 'clock' | 'logger' | 'signingKey'>): IdentityServerCheck &
  IdentityServerBindings &
  IdentityServerMails &
  IdentityServerInviting => {
  const { trusted, requestTimeout: timeoutMs } = config.identityServers
  const servers = new IdentityServers({ clock, logger, signingKey, trusted, timeoutMs })
  const invites = new IdentityServerInvites(servers)
  return {
    lookup: (request) => invites.lookup(request),
    storeInvite: (request) => invites.storeInvite(request),
    isKeyValid: (publicKey, validityUrl) => invites.isKeyValid(publicKey, validityUrl),
    validated: async (idServer, sid, clientSecret) => {
      const answer = await servers.validated(idServer, sid, clientSecret)
      if (answer.kind !== 'validated') return answer
      const threepid = thirdPartyIdOf(answer.threepid.medium, answer.threepid.address)
      return threepid === undefined ? { kind: 'unavailable' } : { ...answer, threepid }
    },
    bind: async (request) => {
      const answer = await servers.bind(request)
      if (answer.kind !== 'bound') return answer
      const threepid = thirdPartyIdOf(answer.threepid.medium, answer.threepid.address)
      return threepid === undefined ? { kind: 'unavailable' } : { kind: 'bound', threepid }
    },
    unbind: (request) => servers.unbind(request),
    requestEmailToken: (request) => servers.requestEmailToken(request),
  }
}
