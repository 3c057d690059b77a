import { sql } from 'kysely'
import type { MemberField, ProfileUpdatesWriter } from '../../ports/personal/profile-updates.ts'
import type { RoomNumber, UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, queriesOver } from '../engine/index.ts'

export interface ProfileUpdateTables {
  profile_updates: {
    user_number: number
    change: number
    done_room: number
    /** Empty: both. */
    field: MemberField | ''
  }
}

interface Progress {
  readonly user: UserNumber
  readonly change: number
  readonly doneRoom: RoomNumber
}

const query = queriesOver<ProfileUpdateTables>()

const upsertUpdate = query((db, param: { user: UserNumber; field: MemberField }) =>
  db
    .insertInto('profile_updates')
    .values({ user_number: param.user, change: 1, done_room: 0, field: param.field })
    .onConflict((on) =>
      on.column('user_number').doUpdateSet({
        change: sql<number>`profile_updates.change + 1`,
        done_room: 0,
        field: sql<
          MemberField | ''
        >`case when profile_updates.field = ${param.field} then profile_updates.field else '' end`,
      }),
    ),
)
const advanceUpdate = query((db, param: Progress) =>
  db
    .updateTable('profile_updates')
    .set({ done_room: param.doneRoom })
    .where('user_number', '=', param.user)
    .where('change', '=', param.change),
)
const deleteUpdate = query((db, param: Pick<Progress, 'user' | 'change'>) =>
  db.deleteFrom('profile_updates').where('user_number', '=', param.user).where('change', '=', param.change),
)

const begin = defineWrite(
  'profileUpdates.begin',
  async (tx, input: { user: UserNumber; field: MemberField }): Promise<void> => {
    await tx.run(upsertUpdate, input)
  },
)
const advance = defineWrite('profileUpdates.advance', async (tx, input: Progress): Promise<void> => {
  await tx.run(advanceUpdate, input)
})
const finish = defineWrite(
  'profileUpdates.finish',
  async (tx, input: Pick<Progress, 'user' | 'change'>): Promise<void> => {
    await tx.run(deleteUpdate, input)
  },
)

export const profileUpdateWrites = [begin, advance, finish]

export const profileUpdatesWriter: ProfileUpdatesWriter = {
  begin: (user, field) => begin({ user, field }),
  advance: ({ user, change, doneRoom }) => advance({ user, change, doneRoom }),
  finish: ({ user, change }) => finish({ user, change }),
}
