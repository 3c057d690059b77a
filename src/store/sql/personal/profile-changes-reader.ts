import { type ExpressionBuilder, sql } from 'kysely'
import type { UserId } from '#spec'
import type { Between } from '../../ports/encryption/device-lists.ts'
import type { FieldKeys, FieldsOfUser, ProfileChangesReader } from '../../ports/personal/profile-changes.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { type Db, type Lists, type Query, queriesOver, type UserTables } from '../engine/index.ts'
import { ANY_KEY, type ProfileTables } from './profiles-writes.ts'

interface Tables extends ProfileTables, UserTables {
  /** A table of others, as far as it is read here. */
  readonly memberships: { readonly room: number; readonly user_number: number; readonly membership: string }
}
const query = queriesOver<Tables>()

interface Keyed {
  readonly keys: readonly string[]
}

/** One query for some fields, and one for all. */
type ByKeys<Params, Row> = (keys: FieldKeys, params: Params) => readonly [Query<Params & Keyed, Row>, Params & Keyed]

const byKeys =
  <Params, Row>(ofSome: Query<Params & Keyed, Row>, ofAll: Query<Params & Keyed, Row>): ByKeys<Params, Row> =>
  (keys, params) => [keys === undefined ? ofAll : ofSome, { ...params, keys: keys ?? [] }]

type Around = Between & { readonly viewer: UserNumber } & Keyed

/** Whether that user is the viewer, or was ever in a room that the viewer was ever in. */
const isAround = (eb: ExpressionBuilder<Tables & { c: { user_number: number } }, 'c'>, viewer: UserNumber) =>
  eb.or([
    eb('c.user_number', '=', viewer),
    eb.exists(
      eb
        .selectFrom('memberships as theirs')
        .innerJoin('memberships as mine', 'mine.room', 'theirs.room')
        .select('mine.room')
        .whereRef('theirs.user_number', '=', 'c.user_number')
        .where('mine.user_number', '=', viewer),
    ),
  ])

const setAround = (some: boolean) =>
  query((db, param: Around, { texts }: Lists) => {
    const all = db
      .selectFrom('profile_fields as c')
      .select('c.user_number')
      .distinct()
      .where('c.position', '>', param.after)
      .where('c.position', '<=', param.upTo)
      .where((eb) => isAround(eb, param.viewer))
    return some ? all.where('c.key', 'in', texts(param.keys)) : all
  })
const removedAround = (some: boolean) =>
  query((db, param: Around, { texts }: Lists) => {
    const all = db
      .selectFrom('profile_removals as c')
      .select('c.user_number')
      .distinct()
      .where('c.position', '>', param.after)
      .where('c.position', '<=', param.upTo)
      .where((eb) => isAround(eb, param.viewer))
    return some
      ? all.where((eb) => eb.or([eb('c.key', '=', sql.lit(ANY_KEY)), eb('c.key', 'in', texts(param.keys))]))
      : all
  })
const setAroundByKeys = byKeys(setAround(true), setAround(false))
const removedAroundByKeys = byKeys(removedAround(true), removedAround(false))

type OfUsers = Between & { readonly users: readonly UserNumber[] } & Keyed

const fieldsIn = (some: boolean) =>
  query((db, param: OfUsers, { integers, texts }: Lists) => {
    const all = db
      .selectFrom('profile_fields as f')
      .innerJoin('users as u', 'u.user_number', 'f.user_number')
      .select(['u.user_number', 'u.user_id', 'f.key', 'f.value_json'])
      .where('f.user_number', 'in', integers(param.users))
      .where('f.position', '>', param.after)
      .where('f.position', '<=', param.upTo)
      .orderBy('f.user_number')
    return some ? all.where('f.key', 'in', texts(param.keys)) : all
  })
const removalsIn = (some: boolean) =>
  query((db, param: OfUsers, { integers, texts }: Lists) => {
    const all = db
      .selectFrom('profile_removals as f')
      .innerJoin('users as u', 'u.user_number', 'f.user_number')
      .select(['u.user_number', 'u.user_id', 'f.key'])
      .where('f.user_number', 'in', integers(param.users))
      .where('f.position', '>', param.after)
      .where('f.position', '<=', param.upTo)
      .orderBy('f.user_number')
    return some
      ? all.where((eb) => eb.or([eb('f.key', '=', sql.lit(ANY_KEY)), eb('f.key', 'in', texts(param.keys))]))
      : all
  })
const fieldsByKeys = byKeys(fieldsIn(true), fieldsIn(false))
const removalsByKeys = byKeys(removalsIn(true), removalsIn(false))

const placeBehind = query((db, param: Between & { skipped: number }) =>
  db
    .selectFrom('profile_fields')
    .select('position')
    .where('position', '>', param.after)
    .where('position', '<=', param.upTo)
    .orderBy('position')
    .limit(1)
    .offset(param.skipped),
)
const sharing = query((db, param: Keyed & { viewer: UserNumber; after: UserNumber; limit: number }, { texts }: Lists) =>
  db
    .selectFrom('profile_fields as f')
    .select('f.user_number')
    .distinct()
    .where('f.key', 'in', texts(param.keys))
    .where('f.user_number', '>', param.after)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('memberships as theirs')
          .innerJoin('memberships as mine', 'mine.room', 'theirs.room')
          .select('mine.room')
          .whereRef('theirs.user_number', '=', 'f.user_number')
          .where('theirs.membership', '=', sql.lit('join'))
          .where('mine.user_number', '=', param.viewer)
          .where('mine.membership', '=', sql.lit('join')),
      ),
    )
    .orderBy('f.user_number')
    .limit(param.limit),
)
const memberBehind = query((db, param: { viewer: UserNumber; skipped: number }) =>
  db
    .selectFrom('memberships as mine')
    .innerJoin('memberships as theirs', 'theirs.room', 'mine.room')
    .select('theirs.user_number')
    .where('mine.user_number', '=', param.viewer)
    .where('mine.membership', '=', sql.lit('join'))
    .where('theirs.membership', '=', sql.lit('join'))
    .limit(1)
    .offset(param.skipped),
)

/** Larger windows, and larger lists, are read off the event loop. */
const SHORT_WINDOW = 100
const FEW_USERS = 20

export const profileChangesReader = (db: Db): ProfileChangesReader => {
  const read = async <Params, Row>(isBrief: boolean, [asked, params]: readonly [Query<Params, Row>, Params]) =>
    isBrief ? db.all(asked, params) : db.longAll(asked, params)
  return {
    changedAround: async (viewer, window, keys) => {
      const isBrief = window.upTo - window.after <= SHORT_WINDOW
      const set = await read(isBrief, setAroundByKeys(keys, { viewer, ...window }))
      const removed = await read(isBrief, removedAroundByKeys(keys, { viewer, ...window }))
      return [...new Set([...set, ...removed].map((row) => row.user_number))]
    },
    cut: async (window, most) => {
      if (window.upTo - window.after <= most) return window.upTo
      const [row] = await db.longAll(placeBehind, { ...window, skipped: most - 1 })
      return row?.position ?? window.upTo
    },
    fieldsOf: async (users, window, keys) => {
      if (users.length === 0) return []
      const isBrief = users.length <= FEW_USERS
      const found = new FieldsByUser()
      for (const row of await read(isBrief, removalsByKeys(keys, { users, ...window }))) found.remove(row)
      for (const row of await read(isBrief, fieldsByKeys(keys, { users, ...window }))) found.set(row)
      return found.all()
    },
    withFields: async (viewer, keys, after, limit) =>
      (await db.longAll(sharing, { viewer, keys, after, limit })).map((row) => row.user_number),
    hasMoreMembers: async (viewer, most) => (await db.longAll(memberBehind, { viewer, skipped: most })).length > 0,
  }
}

interface FieldRow {
  readonly user_number: number
  readonly user_id: string
  readonly key: string
}

/** Puts the rows of several users together. */
class FieldsByUser {
  readonly #users = new Map<
    UserNumber,
    { user: UserNumber; userId: UserId; fields: Map<string, string | undefined>; removedOthers: boolean }
  >()

  all(): readonly FieldsOfUser[] {
    return [...this.#users.values()]
  }

  remove(row: FieldRow): void {
    const of = this.#of(row)
    if (row.key === ANY_KEY) of.removedOthers = true
    else of.fields.set(row.key, undefined)
  }

  set(row: FieldRow & { readonly value_json: string }): void {
    this.#of(row).fields.set(row.key, row.value_json)
  }

  #of({ user_number: user, user_id }: FieldRow) {
    const held = this.#users.get(user)
    if (held !== undefined) return held
    const made = { user, userId: user_id as UserId, fields: new Map(), removedOthers: false }
    this.#users.set(user, made)
    return made
  }
}
