import { type PusherNews, Pushers } from '#domain'
import { PushGateways } from '#net'
import { Push, type PushUser } from '#outbox'
import { type LeasedWork, writers } from '#store'
import type { Streams } from '#streams'
import type { Ground } from './ground.ts'
import type { Views } from './views.ts'

/** Builds the management of pushers by their owners. */
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

/** Push notifications, which one process at a time sends. */
export interface BuiltPush extends LeasedWork, PusherNews {}

export const buildPush = (
  ground: Ground,
  streams: Streams,
  views: Pick<Views, 'pushNotices' | 'badges'>,
): BuiltPush => {
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
const newPush = (
  { config, store, clock, logger }: Ground,
  streams: Streams,
  { pushNotices, badges }: Pick<Views, 'pushNotices' | 'badges'>,
): Push =>
  new Push({
    ...{ clock, logger, streams },
    store: { reader: store.pushers, writer: writers.pushers, commit: store.commit },
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
