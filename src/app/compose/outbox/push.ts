import { UNSUBSCRIBE_PAGE } from '#api'
import { MailUnsubscribe, type PusherNews, Pushers, thirdPartyIdOf } from '#domain'
import { PushGateways } from '#net'
import { EmailLine, type Line, type LineStart, Push, type PushUser } from '#outbox'
import { type LeasedWork, writers } from '#store'
import type { Streams } from '#streams'
import { buildRenewals } from '../accounts/renewals.ts'
import { mailerOf } from '../accounts/third-party-ids.ts'
import type { Ground } from '../ground/ground.ts'
import type { Views } from '../views/views.ts'

/** Builds the management of pushers by their owners. */
export const buildPushers = ({ config, store, clock }: Ground, streams: Streams, news: PusherNews): Pushers =>
  new Pushers({
    reader: store.pushers,
    writer: writers.pushers,
    commit: store.commit,
    clock,
    news,
    mails: mailsNotifications(config) ? { ownEmail: (user, address) => ownEmail(store, user, address) } : undefined,
    position: () => streams.positions().events,
    allowPrivateAddresses: config.push.allowPrivateAddresses,
  })

const mailsNotifications = ({ mail, server }: Ground['config']): boolean =>
  mail.notifications && mail.smtpHost !== undefined && server.publicBaseUrl !== undefined

const ownEmail = async (store: Ground['store'], user: number, address: string): Promise<string | undefined> => {
  const email = thirdPartyIdOf('email', address)
  if (email === undefined) return undefined
  return (await store.thirdPartyIds.thirdPartyId(email))?.user === user ? email.address : undefined
}

/** The deeds of links in mails. */
export const buildMailLinks = (ground: Ground) => ({
  mailUnsubscribe: buildMailUnsubscribe(ground),
  renewals: buildRenewals(ground),
  clock: ground.clock,
})

/** undefined: this server mails no notifications. */
const buildMailUnsubscribe = ({ config, store, sealer }: Ground): MailUnsubscribe | undefined =>
  mailsNotifications(config)
    ? new MailUnsubscribe({
        reader: store.pushers,
        writer: writers.pushers,
        commit: store.commit,
        sealer,
        pageUrl: `${config.server.publicBaseUrl}${UNSUBSCRIBE_PAGE}`,
      })
    : undefined

/** Push notifications, which one process at a time sends. */
export interface BuiltPush extends LeasedWork, PusherNews {}

type PushedViews = Pick<Views, 'pushNotices' | 'badges' | 'mailFacts'>

export const buildPush = (ground: Ground, streams: Streams, views: PushedViews): BuiltPush => {
  let push: Push | undefined
  return {
    start: () => {
      push = newPush(ground, streams, views)
      push.start()
    },
    stop: async () => {
      const ending = push
      push = undefined
      await ending?.stop()
    },
    // A process that begins to push later reads the pushers then.
    pushersChanged: async (user) => push?.pushersChanged(user),
  }
}

/** Builds the sending of push notifications. Does not start it. */
const newPush = (ground: Ground, streams: Streams, views: PushedViews): Push => {
  const { config, store, clock, logger } = ground
  const { pushNotices, badges } = views
  return new Push({
    ...{ clock, logger, streams },
    store: { reader: store.pushers, writer: writers.pushers, commit: store.commit },
    gateways: new PushGateways({
      clock,
      allowPrivateAddresses: config.push.allowPrivateAddresses,
      timeoutMs: config.push.requestTimeout,
    }),
    mailLine: mailLineOf(ground, views),
    views: {
      next: (user, after, upTo) => pushNotices.next(user, after, upTo),
      roomsOf: (user) => pushNotices.roomsOf(user),
      unread: (user: PushUser) => badges.of(user, streams.positions()),
    },
  })
}

const mailLineOf = (
  ground: Ground,
  { pushNotices, mailFacts }: PushedViews,
): ((start: LineStart) => Line) | undefined => {
  const { config, store, clock, logger } = ground
  const mailer = mailerOf(ground)
  const unsubscribe = buildMailUnsubscribe(ground)
  if (mailer === undefined || unsubscribe === undefined) return undefined
  const { mail, server, pages } = config
  const parts = {
    ...{ clock, logger, mailer },
    store: { reader: store.pushers, writer: writers.pushers, commit: store.commit },
    views: {
      next: (user: PushUser, after: number, upTo: number) => pushNotices.next(user, after, upTo),
      isEncrypted: (room: number) => mailFacts.isEncrypted(room),
      hasRead: ({ user }: PushUser, room: number, position: number) => mailFacts.hasRead(user, room, position),
    },
    isOwn: async (user: number, address: string) => (await ownEmail(store, user, address)) === address,
    unsubscribeUrl: (pusher: number) => unsubscribe.urlOf(pusher),
    settings: {
      serverName: server.name,
      webClient: pages.webClient,
      firstDelayMs: mail.notificationDelay,
      longestWaitMs: mail.notificationLongestDelay,
      perDay: mail.notificationsPerDay,
    },
  }
  return (start) => new EmailLine(parts, start)
}
