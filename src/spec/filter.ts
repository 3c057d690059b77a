/** Client-server API, "Filtering". The specification sets no limits; this keeps what a filter costs small. */
export const MAX_FILTER_BYTES = 64 * 1024

export interface EventFilter {
  readonly limit?: number
  readonly senders?: readonly string[]
  readonly not_senders?: readonly string[]
  readonly types?: readonly string[]
  readonly not_types?: readonly string[]
}

export interface RoomEventFilter extends EventFilter {
  readonly rooms?: readonly string[]
  readonly not_rooms?: readonly string[]
  readonly contains_url?: boolean
  readonly lazy_load_members?: boolean
  readonly include_redundant_members?: boolean
  readonly unread_thread_notifications?: boolean
  readonly related_by_senders?: readonly string[]
  readonly related_by_rel_types?: readonly string[]
  /** MSC3874, with its unstable names. */
  readonly rel_types?: readonly string[]
  readonly not_rel_types?: readonly string[]
  readonly 'org.matrix.msc3874.rel_types'?: readonly string[]
  readonly 'org.matrix.msc3874.not_rel_types'?: readonly string[]
}

export interface Filter {
  readonly event_fields?: readonly string[]
  readonly event_format?: 'client' | 'federation'
  readonly presence?: EventFilter
  readonly account_data?: EventFilter
  /** MSC4429: the fields of profiles to be told of. */
  readonly 'org.matrix.msc4429.profile_fields'?: { readonly ids?: readonly string[] }
  readonly room?: {
    readonly rooms?: readonly string[]
    readonly not_rooms?: readonly string[]
    readonly include_leave?: boolean
    readonly ephemeral?: RoomEventFilter
    readonly state?: RoomEventFilter
    readonly timeline?: RoomEventFilter
    readonly account_data?: RoomEventFilter
  }
}
