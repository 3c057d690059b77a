import { EMAIL_PAGE } from '#api'
import {
  EmailProof,
  EmailValidations,
  InviteByAddress,
  type OwnMail,
  RequestEmailToken,
  ThirdPartyIds,
  ValidationMails,
} from '#domain'
import { addressKey } from '#http'
import { Mailer } from '#net'
import { writers } from '#store'
import type { Ground } from '../ground/ground.ts'
import { turnsOf } from '../ground/turns.ts'
import type { Personal } from '../personal/personal.ts'
import type { BuiltJoining } from '../rooms/joining.ts'
import type { RoomsDomain } from '../rooms/rooms.ts'
import { buildIdentityServers } from './identity-servers.ts'

export interface BuiltThirdPartyIds {
  readonly threepids: ThirdPartyIds
  /** undefined: this server sends no mail. */
  readonly ownMail: OwnMail | undefined
  readonly proof: EmailProof
  readonly requestEmailToken: RequestEmailToken
}

/** Builds the addresses of accounts, and the proofs of them: by mails of this server, or at a trusted identity server. */
export const buildThirdPartyIds = (ground: Ground): BuiltThirdPartyIds => {
  const { config, store, clock } = ground
  const identityServers = buildIdentityServers(ground)
  const threepids = new ThirdPartyIds({
    store: { reader: store.thirdPartyIds, writer: writers.thirdPartyIds, commit: store.commit },
    identityServers,
    clock,
  })
  const ownMail = buildOwnMail(ground)
  const { name, publicBaseUrl } = config.server
  const proof = new EmailProof({
    emails: ownMail?.validations,
    threepids,
    identityServers,
    ownNames: [name, ...(publicBaseUrl === undefined ? [] : [new URL(publicBaseUrl).host])],
    trustsIdentityServers: config.identityServers.trusted.length > 0,
    addressDomains: addressDomainsOf(config),
  })
  const { mode, email } = config.registration
  const requestEmailToken = new RequestEmailToken({
    mails: ownMail?.mails,
    threepids,
    identityServers,
    registersWithEmail: mode !== 'closed' && email !== 'off',
  })
  return { threepids, ownMail, proof, requestEmailToken }
}

const addressDomainsOf = ({ mail }: Ground['config']) => ({
  allow: mail.addressDomains,
  deny: mail.deniedAddressDomains,
})

type InvitingRooms = Pick<RoomsDomain, 'memberships' | 'thirdPartyInvites'> & {
  readonly joining: Pick<BuiltJoining, 'exchange'>
}

export const buildInviteByAddress = (
  ground: Ground,
  { memberships, thirdPartyInvites: invites, joining }: InvitingRooms,
  { profiles }: Pick<Personal, 'profiles'>,
): InviteByAddress =>
  new InviteByAddress({
    identityServers: buildIdentityServers(ground),
    trustsIdentityServers: ground.config.identityServers.trusted.length > 0,
    ...{ invites, memberships, logger: ground.logger },
    elsewhere: joining.exchange,
    profileOf: (userId) => profiles.memberFields(userId),
  })

const buildOwnMail = (ground: Ground): OwnMail | undefined => {
  const { config, store, rateLimiter, clock, random } = ground
  const { mail, server } = config
  const sender = mailerOf(ground)
  // The configuration has checked that both or neither are set.
  if (sender === undefined || server.publicBaseUrl === undefined) return undefined
  const kept = { reader: store.emailValidations, writer: writers.emailValidations, commit: store.commit }
  const limit = {
    consume: async (address: string, ip: string | undefined) => {
      if (ip !== undefined) await rateLimiter.consume('mail', addressKey(ip))
      await rateLimiter.consume('mail', address)
    },
  }
  const settings = {
    serverName: server.name,
    pageUrl: `${server.publicBaseUrl}${EMAIL_PAGE}`,
    tokenLifetimeMs: mail.tokenLifetime,
    resendIntervalMs: mail.resendInterval,
    nextLinkHosts: mail.nextLinkHosts,
    addressDomains: addressDomainsOf(config),
    tellWhetherInUse: mail.tellWhetherInUse,
  }
  return {
    validations: new EmailValidations({ ...kept, clock, tokenLifetimeMs: mail.tokenLifetime }),
    mails: new ValidationMails({
      store: { ...kept, owners: store.thirdPartyIds },
      clock,
      turns: turnsOf(ground, 'email-turn'),
      delivery: { sender, limit },
      random,
      settings,
    }),
  }
}

/** The mail server as configured; each caller has a queue of its own. undefined: this server sends no mail. */
export const mailerOf = ({
  config: { mail },
  clock,
  logger,
}: Pick<Ground, 'config' | 'clock' | 'logger'>): Mailer | undefined => {
  const { smtpHost: host, smtpPort: port, security, user, password, from, timeout } = mail
  if (host === undefined || from === undefined) return undefined
  const auth = user === undefined || password === undefined ? undefined : { user, pass: password }
  return new Mailer({ clock, logger, host, port, security, auth, from, timeoutMs: timeout })
}
