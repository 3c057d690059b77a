import type { UnavailableReason } from '../../ports/engine/faults.ts'
import type { GroupAnswer, Submitted } from '../../sql/engine/commit-queue.ts'
import type { Value } from '../../sql/engine/query.ts'

export type ToWriter = { readonly kind: 'commit'; readonly submitted: Submitted } | { readonly kind: 'close' }

export type FromWriter =
  | { readonly kind: 'ready' }
  | { readonly kind: 'too-new'; readonly unknown: readonly string[] }
  | { readonly kind: 'unavailable'; readonly reason: UnavailableReason; readonly detail: string }
  | { readonly kind: 'answer'; readonly answer: GroupAnswer }

export interface ToReader {
  readonly id: number
  readonly sql: string
  readonly values: Value[]
}

export type FromReader =
  | { readonly id: number; readonly kind: 'rows'; readonly rows: readonly unknown[] }
  | { readonly id: number; readonly kind: 'unavailable'; readonly reason: UnavailableReason; readonly detail: string }
  | { readonly id: number; readonly kind: 'failed'; readonly message: string }
