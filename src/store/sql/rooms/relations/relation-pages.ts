import { type Kysely, sql } from 'kysely'
import type { EventId } from '#spec'
import type { HistoryPlace } from '../../../ports/rooms/events.ts'
import type { RelationsQuery, RelationsReader } from '../../../ports/rooms/relations.ts'
import type { Db } from '../../engine/index.ts'
import { selectEvents, toStoredEvent } from '../stored-events.ts'
import { query, type RoomTables } from '../tables.ts'

const BEFORE_ALL = Number.MIN_SAFE_INTEGER
const AFTER_ALL = Number.MAX_SAFE_INTEGER
const FIRST_PLACE: HistoryPlace = { depth: BEFORE_ALL, event: BEFORE_ALL }
const LAST_PLACE: HistoryPlace = { depth: AFTER_ALL, event: AFTER_ALL }

interface Page {
  readonly room: number
  readonly target: EventId
  readonly relType: string
  readonly afterDepth: number
  readonly afterEvent: number
  readonly upToDepth: number
  readonly upToEvent: number
  readonly limit: number
}

type Direction = 'asc' | 'desc'

const direct = (db: Kysely<RoomTables>, param: Page, direction: Direction) =>
  selectEvents(db)
    .innerJoin('relations as rel', 'rel.event', 'e.event')
    .where('rel.room', '=', param.room)
    .where('rel.target', '=', param.target)
    .where(sql<boolean>`(rel.depth, rel.event) > (${param.afterDepth}, ${param.afterEvent})`)
    .where(sql<boolean>`(rel.depth, rel.event) <= (${param.upToDepth}, ${param.upToEvent})`)
    .orderBy('rel.depth', direction)
    .orderBy('rel.event', direction)
    .limit(param.limit)

const ofAnyType = (direction: Direction) => query((db, param: Page) => direct(db, param, direction))
const ofType = (direction: Direction) =>
  query((db, param: Page) => direct(db, param, direction).where('rel.rel_type', '=', param.relType))

/** A row counts while the events on the way still relate to the next one: they do until they are redacted. */
const indirect = (direction: Direction) =>
  query((db, param: Page) =>
    selectEvents(db)
      .innerJoin('indirect_relations as rel', 'rel.event', 'e.event')
      .where('rel.room', '=', param.room)
      .where('rel.target', '=', param.target)
      .where(sql<boolean>`(rel.depth, rel.event) > (${param.afterDepth}, ${param.afterEvent})`)
      .where(sql<boolean>`(rel.depth, rel.event) <= (${param.upToDepth}, ${param.upToEvent})`)
      .where((of) =>
        of.and([
          of.exists(of.selectFrom('relations as own').select('own.event').whereRef('own.event', '=', 'rel.parent')),
          of.exists(of.selectFrom('relations as way').select('way.event').whereRef('way.event', '=', 'rel.via')),
        ]),
      )
      .orderBy('rel.depth', direction)
      .orderBy('rel.event', direction)
      .limit(param.limit),
  )

const BACKWARD = { ofAnyType: ofAnyType('desc'), ofType: ofType('desc'), indirect: indirect('desc') }
const FORWARD = { ofAnyType: ofAnyType('asc'), ofType: ofType('asc'), indirect: indirect('asc') }

const pageOf = ({
  room,
  target,
  relType = '',
  after = FIRST_PLACE,
  upTo = LAST_PLACE,
  limit,
}: RelationsQuery): Page => ({
  ...{ room, target, relType, limit },
  ...{ afterDepth: after.depth, afterEvent: after.event, upToDepth: upTo.depth, upToEvent: upTo.event },
})

export const relationPagesReader = (db: Db): Pick<RelationsReader, 'relations' | 'indirectRelations'> => ({
  relations: async (ask) => {
    const ways = ask.direction === 'forward' ? FORWARD : BACKWARD
    const rows = await db.all(ask.relType === undefined ? ways.ofAnyType : ways.ofType, pageOf(ask))
    return rows.map(toStoredEvent)
  },

  indirectRelations: async (ask) => {
    const rows = await db.all((ask.direction === 'forward' ? FORWARD : BACKWARD).indirect, pageOf(ask))
    return rows.map(toStoredEvent)
  },
})
