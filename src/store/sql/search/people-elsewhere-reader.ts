import type { ServerName } from '#spec'
import type { PeopleElsewhereReader } from '../../ports/search/people-elsewhere.ts'
import type { Db } from '../engine/index.ts'
import { query } from './people-elsewhere-tables.ts'

const serversToAsk = query((db, param: { byMs: number; limit: number }) =>
  db
    .selectFrom('name_servers as a')
    .innerJoin('servers as s', 's.server', 'a.server')
    .select(['s.name as server', 'a.failures'])
    .where('a.ask_at_ms', 'is not', null)
    .where('a.ask_at_ms', '<=', param.byMs)
    .orderBy('a.ask_at_ms')
    .limit(param.limit),
)

const nextToAsk = query((db, param: { server: ServerName; byMs: number }) =>
  db
    .selectFrom('servers as s')
    .innerJoin('people_elsewhere as n', 'n.server', 's.server')
    .innerJoin('users as u', 'u.user_number', 'n.user_number')
    .select(['u.user_id as userId', 'n.failures', 'n.wanted_at as wantedAt'])
    .where('s.name', '=', param.server)
    .where('n.ask_at_ms', 'is not', null)
    .where('n.ask_at_ms', '<=', param.byMs)
    .orderBy('n.ask_at_ms')
    .limit(1),
)

export const peopleElsewhereReader = (db: Db): PeopleElsewhereReader => ({
  serversToAsk: (byMs, limit) => db.all(serversToAsk, { byMs, limit }),
  nextToAsk: (server, byMs) => db.first(nextToAsk, { server, byMs }),
})
