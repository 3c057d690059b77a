import type { TextPieces } from '#base'
import type { Membership, RoomId, UserId } from '#spec'
import {
  type AccountDataReader,
  type MediaUseQuery,
  type MembersReader,
  PEOPLE_ORDERS,
  type PeopleFilter,
  type PeopleMediaReader,
  type PeopleOrder,
  type PeopleReader,
  type PersonRow,
  type SentEventsReader,
  type UserNumber,
} from '#store'

export interface PeopleParts {
  readonly reader: PeopleReader
  readonly members: Pick<MembersReader, 'roomsOfUser'>
  readonly media: PeopleMediaReader
  readonly sent: Pick<SentEventsReader, 'countInvites' | 'countJoinedRooms'>
  readonly accountData: Pick<AccountDataReader, 'page' | 'bytesInRooms'>
  /** A user's push rules as clients see them in account data. */
  readonly pushRules: { contentJson(owner: { readonly user: UserNumber; readonly userId: UserId }): Promise<string> }
}

export const PEOPLE_LIST_ORDERS: readonly PeopleOrder[] = PEOPLE_ORDERS

export interface PeopleQuestion extends PeopleFilter {
  readonly order?: PeopleOrder
  readonly descending?: boolean
  /** Accounts that are passed over. */
  readonly from?: number
  /** 1 to 1000. */
  readonly limit: number
}

export interface PeopleList {
  readonly rows: readonly PersonRow[]
  /** Rows of all pages. */
  readonly total: number
  /** `from` of the next page; undefined for the last one. */
  readonly next: number | undefined
}

const PAGE_BYTES = 64 * 1024
const ALL = Number.MAX_SAFE_INTEGER
const NOTHING: readonly string[] = []

/** Accounts, and what belongs to them, as administrators see them. */
export class People {
  readonly #parts: PeopleParts

  constructor(parts: PeopleParts) {
    this.#parts = parts
  }

  async list({ order = 'name', descending = false, from = 0, limit, ...filter }: PeopleQuestion): Promise<PeopleList> {
    const { reader } = this.#parts
    const [rows, total] = await Promise.all([
      reader.people({ ...filter, order, descending, offset: from, limit }),
      reader.countPeople(filter),
    ])
    const end = from + rows.length
    return { rows, total, next: rows.length < limit || end >= total ? undefined : end }
  }

  person(userId: UserId): Promise<PersonRow | undefined> {
    return this.#parts.reader.person(userId)
  }

  /** The user's rooms, whatever their membership; also of a user of another server, as far as this one knows. */
  async memberships(userId: UserId): Promise<readonly { readonly roomId: RoomId; readonly membership: Membership }[]> {
    return this.#parts.members.roomsOfUser(userId)
  }

  /** How much of the media each account has uploaded. */
  mediaUse(query: MediaUseQuery): ReturnType<PeopleMediaReader['mediaUse']> {
    return this.#parts.media.mediaUse(query)
  }

  /** Invites that the user sent at that time or later. */
  sentInvites(userId: UserId, sinceMs: number): Promise<number> {
    return this.#parts.sent.countInvites(userId, sinceMs)
  }

  /** Rooms that the user joined at that time or later, in them still or not. */
  joinedRooms(userId: UserId, sinceMs: number): Promise<number> {
    return this.#parts.sent.countJoinedRooms(userId, sinceMs)
  }

  /** `{"account_data": {"global": {…}, "rooms": {…}}}`, as there may be many megabytes of it. */
  accountData(owner: { readonly user: UserNumber; readonly userId: UserId }): TextPieces {
    return { begun: NOTHING, rest: this.#accountDataPieces(owner) }
  }

  async *#accountDataPieces(owner: { readonly user: UserNumber; readonly userId: UserId }) {
    const { members, accountData, pushRules } = this.#parts
    yield `{"account_data":{"global":{"m.push_rules":${await pushRules.contentJson(owner)}`
    for await (const entry of this.#entries(owner.user, undefined)) yield `,${entry}`
    yield '},"rooms":{'
    const rooms = await members.roomsOfUser(owner.userId)
    const numbers = rooms.map(({ room }) => room)
    const filled = await accountData.bytesInRooms(owner.user, numbers)
    let separator = ''
    for (const { room, roomId } of rooms) {
      if (!filled.has(room)) continue
      yield `${separator}${JSON.stringify(roomId)}:{`
      separator = ','
      let between = ''
      for await (const entry of this.#entries(owner.user, room)) {
        yield `${between}${entry}`
        between = ','
      }
      yield '}'
    }
    yield '}}}'
  }

  /** `"type":{…}` of each entry. */
  async *#entries(user: UserNumber, room: number | undefined): AsyncGenerator<string, void, undefined> {
    let afterType = ''
    while (true) {
      const page = { user, room, after: 0, upTo: ALL, afterType, limitBytes: PAGE_BYTES }
      const entries = await this.#parts.accountData.page(page)
      const last = entries.at(-1)
      if (last === undefined) return
      for (const { type, contentJson } of entries) yield `${JSON.stringify(type)}:${contentJson}`
      afterType = last.type
    }
  }
}
