import type { RoomId } from '#spec'
import type { BanListsReader, BanListsWriter, SubscribedBanList } from '../../ports/abuse/ban-lists.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { type Db, defineWrite, queriesOver } from '../engine/index.ts'

interface BanListTables {
  readonly ban_lists: { readonly room_id: RoomId; readonly added_by: string; readonly added_ms: number }
}

const query = queriesOver<BanListTables>()

const all = query((db) =>
  db
    .selectFrom('ban_lists')
    .select(['room_id as roomId', 'added_by as addedBy', 'added_ms as addedAtMs'])
    .orderBy('room_id'),
)
const insert = query((db, param: SubscribedBanList) =>
  db
    .insertInto('ban_lists')
    .values({ room_id: param.roomId, added_by: param.addedBy, added_ms: param.addedAtMs })
    .onConflict((on) => on.column('room_id').doNothing()),
)
const deleteOne = query((db, param: { roomId: RoomId }) =>
  db.deleteFrom('ban_lists').where('room_id', '=', param.roomId),
)

const add = defineWrite(
  'banLists.add',
  async (tx, { list, most }: { list: SubscribedBanList; most: number }): Promise<void> => {
    if ((await tx.all(all, {})).length >= most) throw new WriteConflict('too-many-ban-lists')
    await tx.run(insert, list)
  },
)
const remove = defineWrite(
  'banLists.remove',
  async (tx, input: { roomId: RoomId }): Promise<boolean> => (await tx.run(deleteOne, input)) > 0,
)

export const banListWrites = [add, remove]

export const banListsWriter: BanListsWriter = {
  add: (list, most) => add({ list, most }),
  remove: (roomId) => remove({ roomId }),
}

export const banListsReader = (db: Db): BanListsReader => ({ banLists: () => db.all(all, {}) })
