import { foldName, gramsOf } from '#base'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { queriesOver, type Tx } from '../engine/index.ts'

/** Migration 0380 names owners and life times. */
export interface NameTables {
  readonly user_names: {
    readonly user_number: number
    /** Folded: the local part with its `@`, a line feed, and the display name. */
    readonly names: string
    readonly grams: string
  }
  readonly users: { readonly user_number: number; readonly user_id: string }
  readonly accounts: {
    readonly user_number: number
    readonly deactivated_ms: number | null
    readonly locked_ms: number | null
    readonly guest: number
  }
  readonly profile_fields: { readonly user_number: number; readonly key: string; readonly value_json: string }
  readonly user_names_progress: { readonly place: number; readonly filled: number; readonly wanted: number }
}

export const NAME_KEY = 'displayname'

const query = queriesOver<NameTables>()

const namesNow = query((db, param: { user: UserNumber }) =>
  db
    .selectFrom('accounts as a')
    .innerJoin('users as u', 'u.user_number', 'a.user_number')
    .leftJoin('profile_fields as p', (on) => on.onRef('p.user_number', '=', 'a.user_number').on('p.key', '=', NAME_KEY))
    .select(['u.user_id', 'p.value_json'])
    .where('a.user_number', '=', param.user),
)
/** On SQLite triggers bring what came into the index, and note what it has no more use for (migration 1000). */
const upsertNames = query((db, param: NameTables['user_names']) =>
  db
    .insertInto('user_names')
    .values({ user_number: param.user_number, names: param.names, grams: param.grams })
    .onConflict((on) =>
      on
        .column('user_number')
        .doUpdateSet((of) => ({ names: of.ref('excluded.names'), grams: of.ref('excluded.grams') }))
        .where((of) =>
          of.or([
            of('user_names.names', '!=', of.ref('excluded.names')),
            of('user_names.grams', '!=', of.ref('excluded.grams')),
          ]),
        ),
    ),
)

export interface NamesOfUser {
  readonly user: UserNumber
  readonly userId: string
  readonly name: string | undefined
}

/** The row of a user's names. */
export const namesRow = ({ user, userId, name }: NamesOfUser) => {
  const localpart = foldName(userId.slice(0, userId.indexOf(':')))
  const names = name === undefined ? [localpart] : [localpart, foldName(name)]
  // Words that begin the part behind the sign of user ids are beginnings too.
  const grams = gramsOf([...names, localpart.slice(1)])
  return { user_number: user, names: names.join('\n'), grams: grams.join(' ') }
}

/** Stores the names of a user as they are in this transaction. Users of other servers have none here. */
export const storeNames = async (tx: Tx, user: UserNumber): Promise<void> => {
  const now = await tx.first(namesNow, { user })
  if (now === undefined) return
  const name: unknown = now.value_json === null ? undefined : JSON.parse(now.value_json)
  await tx.run(upsertNames, namesRow({ user, userId: now.user_id, name: typeof name === 'string' ? name : undefined }))
}
