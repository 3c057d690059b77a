import { WriteConflict } from '../../ports/engine/change.ts'
import type { PresenceListChange, PresenceListsWriter } from '../../ports/personal/presence-lists.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, queriesOver } from '../engine/index.ts'

export interface PresenceListTables {
  presence_lists: { list_owner: number; listed: number }
}

const query = queriesOver<PresenceListTables>()

const insertListed = query((db, param: { owner: UserNumber; listed: UserNumber }) =>
  db
    .insertInto('presence_lists')
    .values({ list_owner: param.owner, listed: param.listed })
    .onConflict((on) => on.columns(['list_owner', 'listed']).doNothing()),
)
const deleteListed = query((db, param: { owner: UserNumber; drop: readonly UserNumber[] }, { integers }) =>
  db.deleteFrom('presence_lists').where('list_owner', '=', param.owner).where('listed', 'in', integers(param.drop)),
)
const countListed = query((db, param: { owner: UserNumber }) =>
  db
    .selectFrom('presence_lists')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('list_owner', '=', param.owner),
)
const deleteUser = query((db, param: { user: UserNumber }) =>
  db
    .deleteFrom('presence_lists')
    .where((eb) => eb.or([eb('list_owner', '=', param.user), eb('listed', '=', param.user)])),
)

const change = defineWrite(
  'presenceLists.change',
  async (tx, { owner, add, drop, most }: PresenceListChange): Promise<void> => {
    if (drop.length > 0) await tx.run(deleteListed, { owner, drop })
    for (const listed of add) await tx.run(insertListed, { owner, listed })
    const [row] = await tx.all(countListed, { owner })
    if (add.length > 0 && Number(row?.count ?? 0) > most) throw new WriteConflict('presence-list-full')
  },
)
const remove = defineWrite('presenceLists.remove', async (tx, input: { user: UserNumber }): Promise<void> => {
  await tx.run(deleteUser, input)
})

export const presenceListWrites = [change, remove]

export const presenceListsWriter: PresenceListsWriter = { change, remove: (user) => remove({ user }) }
