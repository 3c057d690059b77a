import { EMAIL_PAGE } from '#api'
import { EmailProof, EmailValidations, type MailSender, RequestEmailToken, ThirdPartyIds } from '#domain'
import { addressKey } from '#http'
import { Mailer } from '#net'
import { writers } from '#store'
import type { Ground } from './ground.ts'
import { buildIdentityServers } from './identity-servers.ts'

export interface BuiltThirdPartyIds {
  readonly threepids: ThirdPartyIds
  /** undefined: this server sends no mail. */
  readonly emails: EmailValidations | undefined
  readonly proof: EmailProof
  readonly requestEmailToken: RequestEmailToken
}

/** Addresses of accounts, and how people prove theirs: by mails of this server, or at an identity server that it trusts. */
export const buildThirdPartyIds = (ground: Ground): BuiltThirdPartyIds => {
  const { config, store, clock } = ground
  const identityServers = buildIdentityServers(ground)
  const threepids = new ThirdPartyIds({
    store: { reader: store.thirdPartyIds, writer: writers.thirdPartyIds, commit: store.commit },
    identityServers,
    clock,
  })
  const emails = buildEmailValidations(ground)
  const { name, publicBaseUrl } = config.server
  const proof = new EmailProof({
    emails,
    threepids,
    identityServers,
    ownNames: [name, ...(publicBaseUrl === undefined ? [] : [new URL(publicBaseUrl).host])],
    trustsIdentityServers: config.identityServers.trusted.length > 0,
    addressDomains: config.mail.addressDomains,
  })
  const { mode, email } = config.registration
  const requestEmailToken = new RequestEmailToken({
    emails,
    threepids,
    identityServers,
    registersWithEmail: mode !== 'closed' && email !== 'off',
  })
  return { threepids, emails, proof, requestEmailToken }
}

const buildEmailValidations = (ground: Ground): EmailValidations | undefined => {
  const { config, store, rateLimiter, clock, random } = ground
  const { mail, server } = config
  const sender = mailerOf(ground)
  // The configuration has seen to it that both or none are there.
  if (sender === undefined || server.publicBaseUrl === undefined) return undefined
  return new EmailValidations(
    {
      reader: store.emailValidations,
      writer: writers.emailValidations,
      owners: store.thirdPartyIds,
      commit: store.commit,
    },
    sender,
    {
      consume: async (address, ip) => {
        if (ip !== undefined) await rateLimiter.consume('mail', addressKey(ip))
        await rateLimiter.consume('mail', address)
      },
    },
    {
      clock,
      random,
      serverName: server.name,
      pageUrl: `${server.publicBaseUrl}${EMAIL_PAGE}`,
      tokenLifetimeMs: mail.tokenLifetime,
      resendIntervalMs: mail.resendInterval,
      nextLinkHosts: mail.nextLinkHosts,
      addressDomains: mail.addressDomains,
      tellWhetherInUse: mail.tellWhetherInUse,
    },
  )
}

const mailerOf = ({ config: { mail }, clock, logger }: Ground): MailSender | undefined => {
  const { smtpHost: host, smtpPort: port, security, user, password, from, timeout } = mail
  if (host === undefined || from === undefined) return undefined
  const auth = user === undefined || password === undefined ? undefined : { user, pass: password }
  return new Mailer({ clock, logger, host, port, security, auth, from, timeoutMs: timeout })
}
