import type { LongText, Pending } from '#base'
import type { Requester } from '#http'
import { nowOrLater } from '#http'
import type { SlidingSync, SlidingWish } from '#views'
import type { SyncDeps } from '../events/sync.ts'

export interface SlidingSyncDeps {
  readonly slidingSync: Pick<SlidingSync, 'position' | 'sync'>
  readonly presence: SyncDeps['presence']
}

/** A request as both wire forms have it, with `pos` as text. */
export interface ReadRequest {
  readonly wish: SlidingWish
  readonly pos: string | null | undefined
  readonly timeout: number | null | undefined
  readonly setPresence: 'online' | 'unavailable' | 'offline' | null | undefined
}

/** The longest wait, as for `/sync`. */
const MAX_TIMEOUT_MS = 180_000

/** The bodies name the same lists and states again and again: more than this is no client's. */
export const BODY_LIMIT_BYTES = 256 * 1024

/** Answers a request of either form. Throws `M_UNKNOWN_POS`, and `M_INVALID_PARAM` for an extension of another shape. */
export const answerSliding = async (
  { slidingSync, presence }: SlidingSyncDeps,
  requester: Requester,
  { wish, pos: text, timeout, setPresence }: ReadRequest,
) => {
  const { userId, user, device } = requester
  const pos = text === null || text === undefined ? undefined : await slidingSync.position(text)
  const over = await presence.syncing(requester, setPresence ?? 'online')
  const timeoutMs = Math.min(timeout ?? 0, MAX_TIMEOUT_MS)
  const begin = (): Promise<LongText | Pending<LongText>> =>
    slidingSync.sync({ ...wish, viewer: { userId, user, device }, pos, timeoutMs })
  return nowOrLater(begin, over)
}
