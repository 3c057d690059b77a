import { type Migration, type SchemaWords, table } from '../sql/engine/schema.ts'

/** See migration 0350. */
const index = ({ dialect }: SchemaWords): readonly string[] =>
  dialect === 'sqlite'
    ? [
        "create virtual table user_names_index /* owner: the triggers of user_names; rows go: with the names */ using fts5(grams, content='', columnsize=0, detail=none, tokenize='ascii')",
        "insert into user_names_index (user_names_index, rank) values ('secure-delete', 1)",
        'create trigger user_names_came after insert on user_names begin insert into user_names_index (rowid, grams) values (new.user_number, new.grams); end',
        "create trigger user_names_went after delete on user_names begin insert into user_names_index (user_names_index, rowid, grams) values ('delete', old.user_number, old.grams); end",
      ]
    : [
        "create index user_names_found on user_names using gin (array_to_tsvector(string_to_array(grams, ' '))) with (fastupdate = on, gin_pending_list_limit = 256)",
      ]

const opening = ({ dialect }: SchemaWords, key: string): string =>
  dialect === 'sqlite' ? `json_extract(e.json, '$.content.${key}')` : `(e.json::json #>> '{content,${key}}')`

/** Users by their names, and the rooms whose members anybody may find. Accounts that are there already are put in in the background. */
export const createUserDirectory: Migration = {
  name: '0380-create-user-directory',
  statements: (words) => {
    const { integer, text } = words
    return [
      table(
        'user_names',
        { owner: 'domain/search; folded names of each account, and their pieces', rowsGo: 'never' },
        `user_number ${integer} primary key`,
        `names ${text} not null`,
        `grams ${text} not null`,
      ),
      ...index(words),
      table(
        'user_names_progress',
        { owner: 'domain/search; how far the accounts from before the directory are put in', rowsGo: 'never' },
        `place ${integer} primary key /* 1: there is one row */`,
        `filled ${integer} not null`,
        `wanted ${integer} not null`,
      ),
      'insert into user_names_progress (place, filled, wanted) select 1, 0, coalesce(max(user_number), 0) from accounts',
      table(
        'open_rooms',
        {
          owner: 'domain/rooms; rooms that anybody may join, or read',
          rowsGo: 'when that changes, or the room is purged',
        },
        `room ${integer} primary key`,
      ),
      `insert into open_rooms (room)
        select distinct s.room from state_log s join events e on e.event = s.event
        where s.until_position is null and s.state_key = ''
          and ((s.type = 'm.room.join_rules' and ${opening(words, 'join_rule')} = 'public')
            or (s.type = 'm.room.history_visibility' and ${opening(words, 'history_visibility')} = 'world_readable'))`,
    ]
  },
}
