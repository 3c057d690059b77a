import type { UserId } from '#spec'
import type { UserNumber } from '../rooms/events.ts'

export const PEOPLE_ORDERS = [
  'name',
  'is_guest',
  'admin',
  'user_type',
  'deactivated',
  'locked',
  'shadow_banned',
  'displayname',
  'avatar_url',
  'creation_ts',
  'last_seen_ts',
] as const
export type PeopleOrder = (typeof PEOPLE_ORDERS)[number]

/** Which accounts are listed. An absent filter lets all through. */
export interface PeopleFilter {
  /** A part of the local part or of the display name, whatever its case. */
  readonly named?: string | undefined
  /** A part of the user id, whatever its case. */
  readonly id?: string | undefined
  readonly guests?: boolean | undefined
  readonly admins?: boolean | undefined
  readonly deactivated?: boolean | undefined
  readonly locked?: boolean | undefined
  /** Types that are left out; an empty one stands for accounts without a type. */
  readonly notTypes?: readonly string[] | undefined
}

export interface PeoplePage extends PeopleFilter {
  readonly order: PeopleOrder
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
}

/** An account as administrators see it in a list. Times are milliseconds since 1970. */
export interface PersonRow {
  readonly user: UserNumber
  readonly userId: UserId
  readonly displayName: string | undefined
  readonly avatarUrl: string | undefined
  readonly guest: boolean
  readonly admin: boolean
  readonly userType: string | undefined
  readonly deactivated: boolean
  readonly erased: boolean
  readonly shadowBanned: boolean
  readonly locked: boolean
  readonly suspended: boolean
  /** Whether an administrator has to let it in first. */
  readonly awaitsApproval: boolean
  readonly createdAtMs: number
  readonly lastSeenAtMs: number | undefined
}

/** Everything here runs off the event loop. */
export interface PeopleReader {
  /** In the order asked for, and by name where that leaves two equal. */
  people(page: PeoplePage): Promise<readonly PersonRow[]>
  countPeople(filter: PeopleFilter): Promise<number>
  person(userId: UserId): Promise<PersonRow | undefined>
}
