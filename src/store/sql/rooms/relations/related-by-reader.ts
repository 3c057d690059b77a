import type { ExpressionBuilder, Kysely } from 'kysely'
import type { EventId, UserId } from '#spec'
import type { EventsReader } from '../../../ports/rooms/events.ts'
import type { Db } from '../../engine/index.ts'
import { query, type RoomTables } from '../tables.ts'

type OfEvent = ExpressionBuilder<RoomTables & { readonly e: RoomTables['events'] }, 'e'>

interface RelatedBy {
  readonly eventIds: readonly EventId[]
  readonly relTypes: readonly string[]
  readonly senders: readonly UserId[]
}
type Relating = ReturnType<typeof relatingTo>
const relatingTo = ({ selectFrom }: OfEvent) =>
  selectFrom('relations as n')
    .select('n.event')
    .whereRef('n.room', '=', 'e.room')
    .whereRef('n.target', '=', 'e.event_id')

const relatedBy = (narrow: (relating: Relating, param: RelatedBy, db: Kysely<RoomTables>, texts: Lists) => Relating) =>
  query((db, param: RelatedBy, { texts }) =>
    db
      .selectFrom('events as e')
      .select('e.event_id')
      .where('e.event_id', 'in', texts(param.eventIds))
      .where((of) => of.exists(narrow(relatingTo(of as never), param, db, texts as Lists))),
  )
type Lists = (list: readonly string[]) => never

const ofTypes = (relating: Relating, param: RelatedBy, _: Kysely<RoomTables>, texts: Lists): Relating =>
  relating.where('n.rel_type', 'in', texts(param.relTypes))
const bySenders = (relating: Relating, param: RelatedBy, db: Kysely<RoomTables>, texts: Lists): Relating =>
  relating.where(
    'n.sender',
    'in',
    db.selectFrom('users').select('user_number').where('user_id', 'in', texts(param.senders)),
  )

const RELATED = {
  types: relatedBy(ofTypes),
  senders: relatedBy(bySenders),
  both: relatedBy((relating, param, db, texts) => ofTypes(bySenders(relating, param, db, texts), param, db, texts)),
}

export const relatedByReader = (db: Db): Pick<EventsReader, 'relatedBy'> => ({
  relatedBy: async (eventIds, { relTypes, senders }) => {
    const way = relTypes === undefined ? 'senders' : senders === undefined ? 'types' : 'both'
    const rows = await db.all(RELATED[way], { eventIds, relTypes: relTypes ?? [], senders: senders ?? [] })
    return rows.map(({ event_id }) => event_id)
  },
})
