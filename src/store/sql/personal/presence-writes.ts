import type { PresenceRecord, PresenceStoreWriter } from '../../ports/personal/presence.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import { defineWrite, queriesOver } from '../engine/index.ts'

export interface PresenceTables {
  presence: { user_number: number; status_msg: string | null; last_active_ms: number }
}

type Kept = Omit<PresenceRecord, 'userId'>

const query = queriesOver<PresenceTables>()

const upsert = query((db, param: { user: UserNumber; statusMsg: string | null; lastActiveMs: number }) =>
  db
    .insertInto('presence')
    .values({ user_number: param.user, status_msg: param.statusMsg, last_active_ms: param.lastActiveMs })
    .onConflict((on) =>
      on.column('user_number').doUpdateSet({ status_msg: param.statusMsg, last_active_ms: param.lastActiveMs }),
    ),
)
const deletePresence = query((db, param: { user: UserNumber }) =>
  db.deleteFrom('presence').where('user_number', '=', param.user),
)

const keep = defineWrite('presence.keep', async (tx, records: readonly Kept[]): Promise<void> => {
  for (const { user, statusMsg, lastActiveMs } of records) {
    await tx.run(upsert, { user, statusMsg: statusMsg ?? null, lastActiveMs })
  }
})
const remove = defineWrite('presence.remove', async (tx, input: { user: UserNumber }): Promise<void> => {
  await tx.run(deletePresence, input)
})

export const presenceWrites = [keep, remove]

export const presenceStoreWriter: PresenceStoreWriter = { keep, remove: (user) => remove({ user }) }
