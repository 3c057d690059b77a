import type { UserId } from '#spec'

export const MEDIA_USE_ORDERS = ['user_id', 'displayname', 'media_length', 'media_count'] as const

export interface MediaUseQuery {
  readonly order: (typeof MEDIA_USE_ORDERS)[number]
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
  /** Media made at this time or later. */
  readonly sinceMs: number
  /** Media made at this time or earlier. */
  readonly untilMs: number
  /** A part of the local part or of the display name, whatever its case. */
  readonly named?: string | undefined
}

export interface MediaUse {
  readonly userId: UserId
  readonly displayName: string | undefined
  readonly count: number
  readonly sizeBytes: number
}

/** How much of the media each account has uploaded. Runs off the event loop. */
export interface PeopleMediaReader {
  mediaUse(query: MediaUseQuery): Promise<{ readonly rows: readonly MediaUse[]; readonly total: number }>
}
