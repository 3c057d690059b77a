import { growingPause } from '#base'
import type { EventId, ServerName } from '#spec'
import type { FailedPullsReader, FailedPullsWriter } from '../../ports/federation/failed-pulls.ts'
import { type Db, defineWrite, queriesOver } from '../engine/index.ts'

interface FailedPullTables {
  readonly failed_pulls: {
    readonly event_id: EventId
    readonly server: ServerName
    readonly tries: number
    readonly until_ms: number
  }
}

const query = queriesOver<FailedPullTables>()

const failuresOf = query((db, param: { server: ServerName; eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('failed_pulls')
    .select(['event_id as eventId', 'server', 'tries', 'until_ms as untilMs'])
    .where('server', '=', param.server)
    .where('event_id', 'in', texts(param.eventIds)),
)
const putFailure = query((db, param: { eventId: EventId; server: ServerName; tries: number; untilMs: number }) =>
  db
    .insertInto('failed_pulls')
    .values({ event_id: param.eventId, server: param.server, tries: param.tries, until_ms: param.untilMs })
    .onConflict((on) =>
      on.columns(['event_id', 'server']).doUpdateSet({ tries: param.tries, until_ms: param.untilMs }),
    ),
)
const deleteCame = query((db, param: { eventIds: readonly EventId[] }, { texts }) =>
  db.deleteFrom('failed_pulls').where('event_id', 'in', texts(param.eventIds)),
)
const forgetOld = query((db, param: { beforeMs: number; limit: number }) =>
  db
    .deleteFrom('failed_pulls')
    .where(({ eb, refTuple, selectFrom }) =>
      eb(
        refTuple('event_id', 'server'),
        'in',
        selectFrom('failed_pulls')
          .select(['event_id', 'server'])
          .where('until_ms', '<', param.beforeMs)
          .orderBy('until_ms')
          .limit(param.limit)
          .$asTuple('event_id', 'server'),
      ),
    ),
)

type Failed = Parameters<FailedPullsWriter['failed']>[0]

const failed = defineWrite('failedPulls.failed', async (tx, pull: Failed): Promise<void> => {
  const { server, eventIds, nowMs, waitMs, maxWaitMs } = pull
  const before = new Map((await tx.all(failuresOf, { server, eventIds })).map((row) => [row.eventId, row.tries]))
  for (const eventId of new Set(eventIds)) {
    const tries = (before.get(eventId) ?? 0) + 1
    const untilMs = nowMs + growingPause(tries, { firstMs: waitMs, longestMs: maxWaitMs })
    await tx.run(putFailure, { eventId, server, tries, untilMs })
  }
})
const came = defineWrite('failedPulls.came', async (tx, input: { eventIds: readonly EventId[] }): Promise<void> => {
  await tx.run(deleteCame, input)
})
const forget = defineWrite(
  'failedPulls.forget',
  (tx, input: { beforeMs: number; limit: number }): Promise<number> => tx.run(forgetOld, input),
)

export const failedPullWrites = [failed, came, forget]

export const failedPullsWriter: FailedPullsWriter = {
  failed: (pull) => failed(pull),
  came: (eventIds) => came({ eventIds }),
  forget: (beforeMs, limit) => forget({ beforeMs, limit }),
}

export const failedPullsReader = (db: Db): FailedPullsReader => ({
  failedPulls: (server, eventIds) => db.all(failuresOf, { server, eventIds }),
})
