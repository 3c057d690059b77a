import { type PusherNews, Pushers } from '#domain'
import { PushGateways } from '#net'
import { Push, type PushUser } from '#outbox'
import { writers } from '#store'
import type { Streams } from '#streams'
import type { Ground } from './ground.ts'
import type { Views } from './views.ts'

/** Pushers as their owners see them. */
export const buildPushers = ({ config, store, clock }: Ground, streams: Streams, news: PusherNews): Pushers =>
  new Pushers({
    reader: store.pushers,
    writer: writers.pushers,
    commit: store.commit,
    clock,
    news,
    position: () => streams.positions().events,
    allowPrivateAddresses: config.push.allowPrivateAddresses,
  })

/** Pushers as they are told of events; not started. */
export const buildPush = (
  { config, store, clock, logger }: Ground,
  streams: Streams,
  { pushNotices, badges }: Pick<Views, 'pushNotices' | 'badges'>,
): Push =>
  new Push({
    ...{ clock, logger, streams },
    reader: store.pushers,
    writer: writers.pushers,
    commit: store.commit,
    gateways: new PushGateways({
      clock,
      allowPrivateAddresses: config.push.allowPrivateAddresses,
      timeoutMs: config.push.requestTimeout,
    }),
    views: {
      next: (user, after, upTo) => pushNotices.next(user, after, upTo),
      roomsOf: (user) => pushNotices.roomsOf(user),
      unread: (user: PushUser) => badges.of(user, streams.positions()),
    },
  })
