import type { LeasesWriter } from '../../ports/processes/leases.ts'
import { defineWrite, queriesOver } from '../engine/index.ts'
import type { ProcessTables } from './tables.ts'

const query = queriesOver<ProcessTables>()

type Held = Parameters<LeasesWriter['hold']>[0]

const holdLease = query((db, param: Held) =>
  db
    .insertInto('leases')
    .values({ name: param.name, owner: param.owner, until_ms: param.untilMs })
    .onConflict((on) =>
      on
        .column('name')
        .doUpdateSet({ owner: param.owner, until_ms: param.untilMs })
        .where((is) => is.or([is('leases.owner', '=', param.owner), is('leases.until_ms', '<=', param.nowMs)])),
    ),
)
const deleteLease = query((db, param: { name: string; owner: string }) =>
  db.deleteFrom('leases').where('name', '=', param.name).where('owner', '=', param.owner),
)

const hold = defineWrite(
  'leases.hold',
  async (tx, lease: Held): Promise<boolean> => (await tx.run(holdLease, lease)) > 0,
)

const release = defineWrite('leases.release', async (tx, input: { name: string; owner: string }): Promise<void> => {
  await tx.run(deleteLease, input)
})

export const leaseWrites = [hold, release]

export const leasesWriter: LeasesWriter = { hold, release: (name, owner) => release({ name, owner }) }
