import type { Soon } from '#base'
import { type JsonObject, MatrixError } from '#spec'
import type { News } from '#streams'
import { formatThreadChangesToken, type ThreadChanges } from '../../thread-subscriptions/thread-changes.ts'
import { type ExtensionAnswer, type ExtensionWindow, NO_NEWS, type SlidingExtension } from '../extension.ts'
import { isEnabled } from './member.ts'

export interface ThreadSubscriptionsExtensionParts {
  readonly changes: Pick<ThreadChanges, 'page'>
}

interface ThreadSubscriptionsConfig {
  readonly limit: number
}

const DEFAULT_LIMIT = 100

/** `thread_subscriptions` (MSC4308): the newest changes, each subscription once. Those that there is no room for are in a list of their own, from `prev_batch` on. */
export class ThreadSubscriptionsExtension implements SlidingExtension<ThreadSubscriptionsConfig> {
  readonly name = 'io.element.msc4308.thread_subscriptions'
  readonly #changes: ThreadSubscriptionsExtensionParts['changes']

  constructor({ changes }: ThreadSubscriptionsExtensionParts) {
    this.#changes = changes
  }

  parse(member: JsonObject): ThreadSubscriptionsConfig | undefined {
    if (!isEnabled(member)) return undefined
    const { limit = DEFAULT_LIMIT } = member
    if (typeof limit !== 'number' || !Number.isInteger(limit) || limit <= 0)
      throw new MatrixError('M_INVALID_PARAM', 'limit of thread_subscriptions is no positive integer')
    return { limit }
  }

  concerns({ stream }: News): boolean {
    return stream === 'threadSubscriptions'
  }

  read({ limit }: ThreadSubscriptionsConfig, { viewer, since, now }: ExtensionWindow): Soon<ExtensionAnswer> {
    const [after, upTo] = [since?.threadSubscriptions ?? 0, now.threadSubscriptions]
    return after >= upTo ? NO_NEWS : this.#page(viewer.user, { after, upTo, limit })
  }

  async #page(...asked: Parameters<ThreadChanges['page']>): Promise<ExtensionAnswer> {
    const { changes, restUpTo } = await this.#changes.page(...asked)
    if (changes.subscribed === undefined && changes.unsubscribed === undefined) return NO_NEWS
    const rest = restUpTo === undefined ? {} : { prev_batch: formatThreadChangesToken(restUpTo) }
    return { text: JSON.stringify({ ...changes, ...rest }), isNews: true }
  }
}
