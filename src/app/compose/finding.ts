import { MessageIndexing } from '#domain'
import { writers } from '#store'
import type { Streams } from '#streams'
import type { Ground } from './ground.ts'

/** Builds the work that keeps the index of messages. Does not start it. */
export const buildMessageIndexing = ({ store, clock, logger }: Ground, streams: Streams): MessageIndexing =>
  new MessageIndexing({
    ...{ clock, logger },
    writer: writers.messageIndex,
    commit: store.commit,
    position: () => streams.positions().events,
  })
