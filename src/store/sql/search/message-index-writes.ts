import { sql } from 'kysely'
import type { EventId } from '#spec'
import type { EventNumber } from '../../ports/rooms/events.ts'
import type { MessageIndexWriter } from '../../ports/search/message-index.ts'
import { defineWrite, insertInto, type Tx } from '../engine/index.ts'
import { contentIn, replacedIn, SEARCHED_TYPES, wordsIn } from './indexed-text.ts'
import { query, roomWord, senderWord, typeWord } from './tables.ts'

/** Events whose texts one write indexes, and bytes of their JSON unless one event alone has more. */
const AT_ONCE = 100
const BYTES_AT_ONCE = 64 * 1024
/** Events that one write walks over: most are of other types where rooms are encrypted. */
const WALKED_AT_ONCE = 5_000
/** Where nothing was to be indexed, the progress is stored only so often: a later write walks over these again. */
const UNSTORED = 4_000

const TYPES = Object.keys(SEARCHED_TYPES)
/** Stored JSON is canonical, and quotes within texts are escaped, so only a member can look like this. */
const EDITS = '"rel_type":"m.replace"'
const isEdit = (json: string): boolean => json.includes(EDITS)

const progress = query((db) => db.selectFrom('search_progress').select(['up_to', 'earlier_from']))
const setProgress = query((db, param: { upTo: number; earlierFrom: number }) =>
  db.updateTable('search_progress').set({ up_to: param.upTo, earlier_from: param.earlierFrom }),
)
const newest = query((db) => db.selectFrom('events').select(sql<number | null>`max(event)`.as('event')))

const textsIn = (direction: 'asc' | 'desc') =>
  query((db, param: { after: number; upTo: number; types: readonly string[]; limit: number }, { texts }) =>
    db
      .selectFrom('events')
      .select(['event', sql<number>`octet_length(json)`.as('size')])
      .where('event', '>', param.after)
      .where('event', '<=', param.upTo)
      .where('type', 'in', texts(param.types))
      .where('redacted_by', 'is', null)
      .orderBy('event', direction)
      .limit(param.limit),
  )
const newerTexts = textsIn('asc')
const olderTexts = textsIn('desc')

const again = query((db, param: { limit: number }) =>
  db.selectFrom('search_again').select('event').orderBy('event').limit(param.limit),
)
const doneAgain = query((db, param: { events: readonly number[] }, { integers }) =>
  db.deleteFrom('search_again').where('event', 'in', integers(param.events)),
)

const eventsOf = query((db, param: { events: readonly number[] }, { integers }) =>
  db
    .selectFrom('events')
    .select(['event', 'room', 'type', 'state_key', 'sender', 'json'])
    .where('event', 'in', integers(param.events))
    .where('redacted_by', 'is', null),
)
const originalsOf = query((db, param: { eventIds: readonly EventId[] }, { texts }) =>
  db
    .selectFrom('events')
    .select(['event', 'event_id', 'room', 'type', 'sender', 'state_key', 'json'])
    .where('event_id', 'in', texts(param.eventIds))
    .where('redacted_by', 'is', null),
)
const newestEdits = query((db, param: { originals: readonly number[] }, { integers }) =>
  db
    .selectFrom('search_edits')
    .select(['original', sql<number>`max(event)`.as('edit')])
    .where('original', 'in', integers(param.originals))
    .groupBy('original'),
)
const takeTexts = query((db, param: { events: readonly number[] }, { integers }) =>
  db.deleteFrom('search_texts').where('event', 'in', integers(param.events)),
)
const insertTexts = insertInto(
  'search_texts',
  { event: 'integer', room: 'integer', place: 'text', words: 'text' },
  { inOneStatement: true },
)
const insertEdits = insertInto('search_edits', { event: 'integer', original: 'integer' }, { ifExists: 'ignore' })

interface Piece {
  readonly event: EventNumber
  readonly size: number
}

/** The first rows that are together no more than one write should read. */
const bounded = (rows: readonly Piece[]): readonly EventNumber[] => {
  let bytes = 0
  const end = rows.findIndex(({ size }, index) => {
    bytes += size
    return index > 0 && bytes > BYTES_AT_ONCE
  })
  return (end === -1 ? rows : rows.slice(0, end)).map(({ event }) => event)
}

/** The columns of an event that its words need. */
interface Stored {
  readonly event: EventNumber
  readonly room: number
  readonly type: string
  readonly sender: number
  readonly state_key: string | null
  readonly json: string
}

/** Notes which of these events edit others. Returns the events whose texts are to be indexed: originals in place of their edits. */
const originalsIn = async (tx: Tx, rows: readonly Stored[]): Promise<readonly EventNumber[]> => {
  const edits = rows.filter(({ json }) => isEdit(json)).map((edit) => ({ ...edit, edits: replacedIn(edit.json) }))
  if (edits.length === 0) return rows.map(({ event }) => event)
  const own = rows.filter(({ json }) => !isEdit(json)).map(({ event }) => event)
  const eventIds = [...new Set(edits.flatMap(({ edits: eventId }) => eventId ?? []))] as EventId[]
  const named = await tx.all(originalsOf, { eventIds })
  const originals = new Map(named.map((original) => [original.event_id as string, original]))
  const valid: { event: EventNumber; original: EventNumber }[] = []
  for (const edit of edits) {
    const original = edit.edits === undefined ? undefined : originals.get(edit.edits)
    if (edit.edits === undefined) own.push(edit.event)
    // Clients show nothing of an edit that is not valid.
    else if (original !== undefined && mayEdit(edit, original))
      valid.push({ event: edit.event, original: original.event })
  }
  await tx.insertMany(insertEdits, valid)
  return [...new Set([...own, ...valid.map(({ original }) => original)])]
}

/** "Validity of replacement events". */
const mayEdit = (edit: Stored, original: Stored): boolean =>
  !isEdit(original.json) &&
  original.event < edit.event &&
  original.room === edit.room &&
  original.type === edit.type &&
  original.sender === edit.sender &&
  original.state_key === null &&
  edit.state_key === null

/** Indexes the events of one piece, in whose place their originals come where they are edits. */
const indexPiece = async (tx: Tx, piece: readonly EventNumber[]): Promise<void> => {
  if (piece.length === 0) return
  const rows = await tx.all(eventsOf, { events: piece })
  await indexTexts(tx, await originalsIn(tx, rows), rows)
}

/** Indexes the texts of these events as they are now: of one that was edited, the newest. `read`: events that need not be read again. */
const indexTexts = async (tx: Tx, events: readonly EventNumber[], read: readonly Stored[] = []): Promise<void> => {
  if (events.length === 0) return
  const edits = new Map(
    (await tx.all(newestEdits, { originals: events })).map(({ original, edit }) => [original, Number(edit)]),
  )
  const stored = new Map(read.map((row) => [row.event, row]))
  const unread = [...events, ...edits.values()].filter((event) => !stored.has(event))
  if (unread.length > 0) for (const row of await tx.all(eventsOf, { events: unread })) stored.set(row.event, row)
  const rows: { event: number; room: number; place: string; words: string }[] = []
  for (const event of events) {
    const row = stored.get(event)
    const code = row === undefined ? undefined : SEARCHED_TYPES[row.type]?.code
    if (row === undefined || code === undefined || (row.type === 'm.room.message') !== (row.state_key === null))
      continue
    const edit = stored.get(edits.get(event) ?? Number.NaN)
    const words = wordsIn(row.type, contentIn((edit ?? row).json), edit !== undefined)
    if (words.length === 0) continue
    const place = `${roomWord(row.room)} ${senderWord(row.sender)} ${typeWord(code)}`
    rows.push({ event, room: row.room, place, words: words.join(' ') })
  }
  await tx.run(takeTexts, { events })
  await tx.insertMany(insertTexts, rows)
}

/** Indexes anew the texts whose newest edit was redacted. Returns whether there were any. */
const indexAgain = async (tx: Tx): Promise<boolean> => {
  const events = (await tx.all(again, { limit: AT_ONCE })).map(({ event }) => event)
  if (events.length === 0) return false
  await indexTexts(tx, events)
  await tx.run(doneAgain, { events })
  return true
}

const storedProgress = async (tx: Tx): Promise<{ readonly upTo: number; readonly earlierFrom: number }> => {
  const row = await tx.first(progress, {})
  if (row === undefined) throw new Error('the index of messages has lost its progress')
  return { upTo: row.up_to, earlierFrom: row.earlier_from }
}

const next = defineWrite(
  'messageIndex.next',
  async (tx): Promise<{ readonly upTo: number; readonly more: boolean }> => {
    const { upTo: after, earlierFrom } = await storedProgress(tx)
    const last = (await tx.first(newest, {}))?.event ?? 0
    const isAgain = await indexAgain(tx)
    if (last <= after) return { upTo: after, more: isAgain }
    const walked = Math.min(last, after + WALKED_AT_ONCE)
    const found = await tx.all(newerTexts, { after, upTo: walked, types: TYPES, limit: AT_ONCE })
    const piece = bounded(found)
    const isWhole = piece.length === found.length && found.length < AT_ONCE
    const upTo = isWhole ? walked : (piece.at(-1) ?? walked)
    await indexPiece(tx, piece)
    if (piece.length > 0 || upTo - after > UNSTORED) await tx.run(setProgress, { upTo, earlierFrom })
    return { upTo, more: isAgain || upTo < last }
  },
)

const earlier = defineWrite('messageIndex.earlier', async (tx): Promise<{ readonly more: boolean }> => {
  const { upTo, earlierFrom } = await storedProgress(tx)
  if (earlierFrom <= 1) return { more: false }
  const walked = Math.max(0, earlierFrom - 1 - WALKED_AT_ONCE)
  const found = await tx.all(olderTexts, { after: walked, upTo: earlierFrom - 1, types: TYPES, limit: AT_ONCE })
  const piece = bounded(found)
  const isWhole = piece.length === found.length && found.length < AT_ONCE
  const reached = isWhole ? walked + 1 : (piece.at(-1) ?? walked + 1)
  await indexPiece(tx, piece)
  await tx.run(setProgress, { upTo, earlierFrom: reached })
  return { more: reached > 1 }
})

export const messageIndexWrites = [next, earlier]

export const messageIndexWriter: MessageIndexWriter = {
  next: () => next(undefined),
  earlier: () => earlier(undefined),
}
