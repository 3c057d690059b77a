import type { Slices } from '#base'
import { PushRules, SubscribedThreads } from '#views'
import type { RoomsGround } from '../rooms/rooms.ts'

const MEBIBYTE = 1024 * 1024
const RULES_BYTES = 32 * MEBIBYTE
const THREADS_BYTES = 8 * MEBIBYTE

/** Builds the push rules of users, and the threads that some of the rules ask for. */
export const buildPushRules = (
  { store, streams }: RoomsGround,
  slices: Slices,
): { readonly pushRules: PushRules; readonly threads: SubscribedThreads } => {
  const threads = new SubscribedThreads({ reader: store.threadSubscriptions, limitBytes: THREADS_BYTES })
  const pushRules = new PushRules({ reader: store.accountData, threads, slices, limitBytes: RULES_BYTES })
  for (const cache of [pushRules, threads]) streams.onNews(cache)
  return { pushRules, threads }
}
