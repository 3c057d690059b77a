import { RENEWAL_PAGE } from '#api'
import { Renewals, renewalMails } from '#domain'
import { type LeasedWork, writers } from '#store'
import type { Ground } from '../ground/ground.ts'
import { mailerOf } from './third-party-ids.ts'

/** undefined: this server sends no mails about accounts that end. */
export const buildRenewals = ({ config, store, clock, sealer }: Ground): Renewals | undefined => {
  const { renewalPeriod: periodMs } = config.accountValidity
  const { publicBaseUrl } = config.server
  if (periodMs === undefined || config.mail.smtpHost === undefined || publicBaseUrl === undefined) return undefined
  return new Renewals({
    ...{ clock, sealer, periodMs, commit: store.commit },
    reader: store.accountEnds,
    writer: writers.accountEnds,
    pageUrl: `${publicBaseUrl}${RENEWAL_PAGE}`,
  })
}

/** The mails that tell of accounts that end, by the name of their lease. */
export const buildRenewalMails = (ground: Ground): Readonly<Record<string, LeasedWork>> => {
  const { config, store, clock, logger } = ground
  const [renewals, mailer] = [buildRenewals(ground), mailerOf(ground)]
  const { renewalPeriod, warnBefore } = config.accountValidity
  if (renewals === undefined || mailer === undefined || renewalPeriod === undefined) return {}
  const mails = renewalMails({
    ...{ clock, logger, renewals, mailer },
    store: {
      ends: store.accountEnds,
      addresses: store.thirdPartyIds,
      writer: writers.accountEnds,
      commit: store.commit,
    },
    serverName: config.server.name,
    // With more than the whole period a renewal would be followed by the next mail at once.
    aheadMs: Math.min(warnBefore, renewalPeriod / 2),
  })
  return { 'renewal-mails': mails }
}
