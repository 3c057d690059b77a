import { sql } from 'kysely'
import { isJsonObject, objectAt, type ServerName, serverOf, stringAt } from '#spec'
import type { PeopleLimits } from '../../ports/search/people-elsewhere.ts'
import { type InsertRow, insertInto, type Tx } from '../engine/index.ts'
import { serverNumbers } from '../rooms/servers/server-numbers.ts'
import { namesRow } from './names.ts'
import type { SeenMember } from './people-elsewhere-members.ts'
import { query } from './people-elsewhere-tables.ts'

/** From one question about a user to the next, at least: whoever changes their membership all the time is asked for once a minute. */
export const ASK_AGAIN_MS = 60_000

const insertPeople = insertInto('people_elsewhere', {
  user_number: 'integer',
  server: 'integer',
  ask_at_ms: 'integer?',
  failures: 'integer',
  wanted_at: 'integer',
})
export const insertNames = insertInto('user_names_elsewhere', {
  user_number: 'integer',
  names: 'text',
  grams: 'text',
})
const wantPerson = query((db, param: { user: number; position: number; atMs: number }) =>
  db
    .updateTable('people_elsewhere')
    .set({
      wanted_at: param.position,
      ask_at_ms: sql<number>`coalesce(ask_at_ms, ${param.atMs})`,
      failures: sql<number>`case when ask_at_ms is null then 0 else failures end`,
    })
    .where('user_number', '=', param.user),
)
const insertServers = insertInto(
  'name_servers',
  { server: 'integer', kept: 'integer', ask_at_ms: 'integer?', failures: 'integer' },
  { ifExists: 'ignore' },
)
const keptOf = query((db, param: { servers: readonly number[] }, { integers }) =>
  db.selectFrom('name_servers').select(['server', 'kept']).where('server', 'in', integers(param.servers)),
)
/** A server that is left in peace stays so. */
const wantServer = query((db, param: { server: number; added: number; atMs: number }) =>
  db
    .updateTable('name_servers')
    .set({
      kept: sql<number>`kept + ${param.added}`,
      ask_at_ms: sql<number>`case when ask_at_ms is null or (failures = 0 and ask_at_ms > ${param.atMs}) then ${param.atMs} else ask_at_ms end`,
    })
    .where('server', '=', param.server),
)

export interface Taking {
  readonly own: ServerName
  readonly nowMs: number
  readonly limits: PeopleLimits
  /** People who are in already, of all servers. */
  readonly kept: number
}

/** A server with the people to be put in, and when to ask it. */
interface ServerChange {
  readonly added: number
  readonly atMs: number
}

/** Puts in members of other servers who are not in, and has those asked for who have changed. */
export const takePeople = async (
  tx: Tx,
  members: readonly SeenMember[],
  taking: Taking,
): Promise<{ readonly added: number; readonly asks: boolean }> => {
  const others = members.filter(({ user_id, own_joined }) => own_joined !== null && serverOf(user_id) !== taking.own)
  // Somebody may have joined several rooms; the last one counts.
  const people = [...new Map(others.map((member) => [member.user_number, member])).values()]
  const changes = new Map<number, ServerChange>()
  const added = await addPeople(tx, people, taking, changes)
  await wantChanged(tx, others, taking, changes)
  for (const [server, change] of changes) await tx.run(wantServer, { server, ...change })
  return { added, asks: changes.size > 0 }
}

const addPeople = async (
  tx: Tx,
  people: readonly SeenMember[],
  { nowMs, limits, kept }: Taking,
  changes: Map<number, ServerChange>,
): Promise<number> => {
  const strangers = people.filter(({ server }) => server === null)
  if (strangers.length === 0) return 0
  const numbers = await serverNumbers(
    tx,
    strangers.map(({ user_id: userId }) => serverOf(userId)),
  )
  const servers = [...new Set(numbers.values())]
  await tx.insertMany(
    insertServers,
    servers.map((server) => ({ server, kept: 0, ask_at_ms: null, failures: 0 })),
  )
  const keptBy = new Map((await tx.all(keptOf, { servers })).map((row) => [row.server, row.kept]))
  const rows: InsertRow<typeof insertPeople>[] = []
  const names: InsertRow<typeof insertNames>[] = []
  for (const { user_number: user, user_id: userId, position } of strangers) {
    const server = numbers.get(serverOf(userId)) ?? 0
    const added = changes.get(server)?.added ?? 0
    if (kept + rows.length >= limits.total || (keptBy.get(server) ?? 0) + added >= limits.perServer) continue
    changes.set(server, { added: added + 1, atMs: nowMs })
    rows.push({ user_number: user, server, ask_at_ms: nowMs, failures: 0, wanted_at: position })
    names.push(namesRow({ user, userId, name: undefined }))
  }
  await tx.insertMany(insertPeople, rows)
  await tx.insertMany(insertNames, names)
  return rows.length
}

const wantChanged = async (
  tx: Tx,
  members: readonly SeenMember[],
  { nowMs }: Taking,
  changes: Map<number, ServerChange>,
): Promise<void> => {
  for (const member of members) {
    const { server, asked_ms: askedMs, user_number: user, position } = member
    if (server === null || (askedMs !== null && isAsKnown(member))) continue
    const atMs = Math.max(nowMs, (askedMs ?? 0) + ASK_AGAIN_MS)
    await tx.run(wantPerson, { user, position, atMs })
    const before = changes.get(server)
    changes.set(server, { added: before?.added ?? 0, atMs: Math.min(before?.atMs ?? atMs, atMs) })
  }
}

/** Whether a membership says the same as the profile. */
const isAsKnown = ({ json, display_name: name, avatar_url: avatarUrl }: SeenMember): boolean => {
  const pdu: unknown = json === null ? undefined : JSON.parse(json)
  const content = isJsonObject(pdu) ? objectAt(pdu, 'content') : undefined
  if (content === undefined) return false
  return (stringAt(content, 'displayname') ?? null) === name && (stringAt(content, 'avatar_url') ?? null) === avatarUrl
}
