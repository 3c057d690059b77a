import type { AccountDataEntry, AccountDataReader, RoomNumber, UserNumber } from '#store'

export interface AccountDataWant {
  readonly user: UserNumber
  /** undefined: global. */
  readonly room: RoomNumber | undefined
  /** Entries changed with `after` < position <= `upTo`; undefined: all. */
  readonly window: { readonly after: number; readonly upTo: number } | undefined
}

const PAGE_BYTES = 256 * 1024
const ALL = { after: 0, upTo: Number.MAX_SAFE_INTEGER }

/** A user's account data, a page at a time: a user may have many megabytes of it. */
export async function* accountDataPages(
  reader: Pick<AccountDataReader, 'page'>,
  { user, room, window = ALL }: AccountDataWant,
): AsyncGenerator<readonly AccountDataEntry[], void, undefined> {
  let afterType = ''
  for (;;) {
    const page = await reader.page({ user, room, ...window, afterType, limitBytes: PAGE_BYTES })
    const last = page.at(-1)
    if (last === undefined) return
    afterType = last.type
    yield page
  }
}
