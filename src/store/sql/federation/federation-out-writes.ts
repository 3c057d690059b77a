import { sql } from 'kysely'
import type { EventId, ServerName } from '#spec'
import type { FederationOutWriter, OutgoingProgress } from '../../ports/federation/federation-out.ts'
import { defineWrite, insertInto } from '../engine/index.ts'
import { serverNumbers } from '../rooms/servers/server-numbers.ts'
import { query } from './tables.ts'

/** Forwarded events are rare, and are in no stretch of the stream that is gone through by the time so many others came. */
const FORWARDED_KEPT = 50_000

const setProgress = query((db, param: { position: number }) =>
  db
    .updateTable('federation_progress')
    .set({ position: param.position })
    .where('place', '=', 1)
    .where('position', '<', param.position),
)

interface BehindRow {
  readonly server: number
  readonly position: number
  readonly failures: number
  readonly failingSince: number
  readonly retryAt: number | null
  readonly lastSuccess: number | null
}
const setBehind = query((db, param: BehindRow) =>
  db
    .insertInto('destinations_behind')
    .values({
      server: param.server,
      position: param.position,
      failures: param.failures,
      failing_since: param.failingSince,
      retry_at: param.retryAt,
      last_success: param.lastSuccess,
    })
    .onConflict((on) =>
      on.column('server').doUpdateSet({
        position: param.position,
        failures: param.failures,
        failing_since: param.failingSince,
        retry_at: param.retryAt,
        last_success: param.lastSuccess,
      }),
    ),
)
const takeBehind = query((db, param: { servers: readonly number[] }, { integers }) =>
  db.deleteFrom('destinations_behind').where('server', 'in', integers(param.servers)),
)
const setRoom = query((db, param: { room: number; position: number }) =>
  db
    .insertInto('outgoing_rooms')
    .values({ room: param.room, position: param.position })
    .onConflict((on) =>
      on.column('room').doUpdateSet({ position: param.position }).where('outgoing_rooms.position', '<', param.position),
    ),
)

const save = defineWrite('federationOut.save', async (tx, input: OutgoingProgress): Promise<void> => {
  const { position, rooms, behind, caughtUp } = input
  await tx.run(setProgress, { position })
  for (const room of rooms) await tx.run(setRoom, room)
  const numbers = await serverNumbers(tx, [...behind.map(({ server }) => server), ...caughtUp])
  for (const { server, failingSinceMs, retryAtMs, lastSuccessMs, ...rest } of behind) {
    const times = { failingSince: failingSinceMs, retryAt: retryAtMs ?? null, lastSuccess: lastSuccessMs ?? null }
    await tx.run(setBehind, {
      server: numbers.get(server) as number,
      position: rest.position,
      failures: rest.failures,
      ...times,
    })
  }
  if (caughtUp.length > 0)
    await tx.run(takeBehind, { servers: caughtUp.map((server) => numbers.get(server) as number) })
})

const insertForwarded = query((db, param: { eventId: EventId }) =>
  db
    .insertInto('forwarded_events')
    .values({ event_id: param.eventId } as never)
    .onConflict((on) => on.column('event_id').doNothing())
    .returning('place'),
)
const takeForwarded = query((db, param: { upTo: number }) =>
  db.deleteFrom('forwarded_events').where('place', '<=', param.upTo),
)

const forward = defineWrite('federationOut.forward', async (tx, input: { eventId: EventId }): Promise<void> => {
  const made = await tx.first(insertForwarded, input)
  if (made !== undefined && made.place % 1_000 === 0) await tx.run(takeForwarded, { upTo: made.place - FORWARDED_KEPT })
})

const takeKey = query((db, param: { servers: readonly number[]; key: string }, { integers }) =>
  db
    .deleteFrom('waiting_edus')
    .where('server', 'in', integers(param.servers))
    .where('edu_key', '=', param.key)
    .returning('edu'),
)
const insertEdu = insertInto('outgoing_edus', { edu: 'integer', json: 'text' })
const insertWaiting = insertInto('waiting_edus', { server: 'integer', edu: 'integer', edu_key: 'text?' })
const takeWaiting = query((db, param: { server: ServerName; edus: readonly number[] }, { integers }) =>
  db
    .deleteFrom('waiting_edus')
    .where('edu', 'in', integers(param.edus))
    .where('server', '=', (of) => of.selectFrom('servers').select('servers.server').where('name', '=', param.server)),
)
const takeUnkeyed = query((db, param: { server: ServerName }) =>
  db
    .deleteFrom('waiting_edus')
    .where('edu_key', 'is', null)
    .where('server', '=', (of) => of.selectFrom('servers').select('servers.server').where('name', '=', param.server))
    .returning('edu'),
)
/** EDUs that nobody waits for any more. */
const takeTexts = query((db, param: { edus: readonly number[] }, { integers }) =>
  db
    .deleteFrom('outgoing_edus')
    .where('edu', 'in', integers(param.edus))
    .where((is) =>
      is.not(
        is.exists(
          is.selectFrom('waiting_edus as w').select(sql.lit(1).as('one')).whereRef('w.edu', '=', 'outgoing_edus.edu'),
        ),
      ),
    ),
)

interface QueuedEdu {
  readonly servers: readonly ServerName[]
  readonly json: string
  readonly key?: string | undefined
}

const queueEdu = defineWrite(
  'federationOut.queueEdu',
  ['federationEdus'],
  async (tx, { servers, json, key }: QueuedEdu): Promise<number | undefined> => {
    if (servers.length === 0) return undefined
    const numbers = [...(await serverNumbers(tx, servers)).values()]
    const edu = tx.next('federationEdus', 1)
    if (key !== undefined) {
      const replaced = await tx.all(takeKey, { servers: numbers, key })
      if (replaced.length > 0) await tx.run(takeTexts, { edus: [...new Set(replaced.map((row) => row.edu))] })
    }
    await tx.insertMany(insertEdu, [{ edu, json }])
    await tx.insertMany(
      insertWaiting,
      numbers.map((server) => ({ server, edu, edu_key: key ?? null })),
    )
    tx.announce({ stream: 'federationEdus', position: edu, rooms: [], users: [] })
    return edu
  },
)

const eduTaken = defineWrite(
  'federationOut.eduTaken',
  async (tx, input: { server: ServerName; edus: readonly number[] }): Promise<void> => {
    await tx.run(takeWaiting, input)
    await tx.run(takeTexts, { edus: input.edus })
  },
)

const giveUpEdus = defineWrite('federationOut.giveUpEdus', async (tx, input: { server: ServerName }): Promise<void> => {
  const given = await tx.all(takeUnkeyed, input)
  if (given.length > 0) await tx.run(takeTexts, { edus: given.map(({ edu }) => edu) })
})

export const federationOutWrites = [save, forward, queueEdu, eduTaken, giveUpEdus]

export const federationOutWriter: FederationOutWriter = {
  save,
  forward: (eventId) => forward({ eventId }),
  queueEdu,
  eduTaken: (server, edus) => eduTaken({ server, edus }),
  giveUpEdus: (server) => giveUpEdus({ server }),
}
