import { type Migration, type SchemaWords, table } from '../sql/engine/schema.ts'

/**
 * An index over words that are made ready already, so a database's own tokenizer has nothing to fold: `ascii` parts at blanks. Deleted words are
 * overwritten, as redacted ones must not stay in the file. On PostgreSQL each text has words for the stretch of numbers in which its event lies: a
 * question for the newest texts reads no more of a common word than it answers with. What waits to be sorted in stays small, so no write has
 * to sort in much at once.
 */
const index = ({ dialect }: SchemaWords): readonly string[] =>
  dialect === 'sqlite'
    ? [
        "create virtual table search_index /* owner: the triggers of search_texts; rows go: with the text */ using fts5(words, content='', columnsize=0, detail=none, tokenize='ascii')",
        "insert into search_index (search_index, rank) values ('secure-delete', 1)",
        "create trigger search_texts_came after insert on search_texts begin insert into search_index (rowid, words) values (new.event, new.place || ' ' || new.words); end",
        "create trigger search_texts_went after delete on search_texts begin insert into search_index (search_index, rowid, words) values ('delete', old.event, old.place || ' ' || old.words); end",
      ]
    : [
        "create index search_texts_found on search_texts using gin (array_to_tsvector(string_to_array(place || ' ' || words || ' §a' || (event >> 12)::text || ' §b' || (event >> 16)::text || ' §c' || (event >> 20)::text, ' '))) with (fastupdate = on, gin_pending_list_limit = 256)",
      ]

/** The index of what people wrote. Events that are stored already are indexed in the background. */
export const createMessageIndex: Migration = {
  name: '0350-create-message-index',
  statements: (words) => {
    const { integer, text } = words
    return [
      table(
        'search_texts',
        {
          owner: 'domain/search; folded words of each event that can be searched',
          rowsGo: 'when the event is redacted, or the room is purged',
        },
        `event ${integer} primary key`,
        `room ${integer} not null`,
        `place ${text} not null`,
        `words ${text} not null`,
      ),
      table(
        'search_edits',
        { owner: 'domain/search; events that edit the text of another', rowsGo: 'likewise' },
        `event ${integer} primary key`,
        `original ${integer} not null`,
      ),
      'create index search_edits_of on search_edits (original, event)',
      table(
        'search_again',
        { owner: 'domain/search; texts whose newest edit was redacted', rowsGo: 'when they are indexed again' },
        `event ${integer} primary key`,
      ),
      table(
        'search_progress',
        { owner: 'domain/search; how far the index of messages is', rowsGo: 'never' },
        `place ${integer} primary key /* 1: there is one row */`,
        `up_to ${integer} not null`,
        `earlier_from ${integer} not null`,
      ),
      'insert into search_progress (place, up_to, earlier_from) select 1, coalesce(max(event), 0), coalesce(max(event), 0) + 1 from events where event > 0',
      ...index(words),
    ]
  },
}
