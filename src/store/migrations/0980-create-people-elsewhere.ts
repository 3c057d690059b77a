import { type Migration, type SchemaWords, table } from '../sql/engine/schema.ts'

/**
 * As in migration 0380, but for one thing: pieces of names are not overwritten in the index at once when they go, which costs more the more names there are, and these change again and again. They go with
 * the next merges of the index.
 */
const index = ({ dialect }: SchemaWords): readonly string[] =>
  dialect === 'sqlite'
    ? [
        "create virtual table user_names_elsewhere_index /* owner: the triggers of user_names_elsewhere; rows go: with the names */ using fts5(grams, content='', columnsize=0, detail=none, tokenize='ascii')",
        'create trigger user_names_elsewhere_came after insert on user_names_elsewhere begin insert into user_names_elsewhere_index (rowid, grams) values (new.user_number, new.grams); end',
        "create trigger user_names_elsewhere_went after delete on user_names_elsewhere begin insert into user_names_elsewhere_index (user_names_elsewhere_index, rowid, grams) values ('delete', old.user_number, old.grams); end",
      ]
    : [
        "create index user_names_elsewhere_found on user_names_elsewhere using gin (array_to_tsvector(string_to_array(grams, ' '))) with (fastupdate = on, gin_pending_list_limit = 256)",
      ]

/** People of other servers in the directory of users. Those of rooms from before come in the same way as all others: by the position of their memberships, from the first one on. */
export const createPeopleElsewhere: Migration = {
  name: '0980-create-people-elsewhere',
  statements: (words) => {
    const { integer, text } = words
    return [
      `create index memberships_joined_at on memberships (position, user_number) where membership = 'join'`,
      table(
        'people_elsewhere',
        {
          owner: 'domain/search; people of other servers who can be found, and what their servers say of them',
          rowsGo: 'when the user shares no room with anybody here any more',
        },
        `user_number ${integer} primary key`,
        `server ${integer} not null /* servers.server */`,
        `display_name ${text}`,
        `avatar_url ${text}`,
        `asked_ms ${integer} /* when the server answered; null: never yet */`,
        `ask_at_ms ${integer} /* null while nothing is to be asked */`,
        `failures ${integer} not null`,
        `wanted_at ${integer} not null /* position of the membership for which the server is asked */`,
      ),
      table(
        'user_names_elsewhere',
        {
          owner: 'domain/search; folded names of each of these people, and their pieces',
          rowsGo: 'with the row of people_elsewhere',
        },
        `user_number ${integer} primary key`,
        `names ${text} not null`,
        `grams ${text} not null`,
      ),
      ...index(words),
      'create index people_elsewhere_to_ask on people_elsewhere (server, ask_at_ms) where ask_at_ms is not null',
      table(
        'name_servers',
        { owner: 'domain/search; servers of people in people_elsewhere', rowsGo: 'with the last of these' },
        `server ${integer} primary key`,
        `kept ${integer} not null /* rows of people_elsewhere */`,
        `ask_at_ms ${integer} /* not above the least of these rows, unless the server is left in peace */`,
        `failures ${integer} not null`,
      ),
      'create index name_servers_to_ask on name_servers (ask_at_ms) where ask_at_ms is not null',
      table(
        'rooms_to_name',
        {
          owner: 'domain/search; rooms that this server came back to, whose members are put in again',
          rowsGo: 'when all members are put in',
        },
        `room ${integer} primary key`,
        // The last membership that is done.
        `position ${integer} not null`,
        `user_number ${integer} not null`,
      ),
      table(
        'people_elsewhere_progress',
        {
          owner: 'domain/search; up to which membership people are put in, and how far the rows were swept',
          rowsGo: 'never',
        },
        `place ${integer} primary key /* 1: there is one row */`,
        `position ${integer} not null`,
        `user_number ${integer} not null`,
        `swept ${integer} not null /* the last user that was looked at */`,
        `kept ${integer} not null /* rows of people_elsewhere */`,
      ),
      'insert into people_elsewhere_progress (place, position, user_number, swept, kept) values (1, 0, 0, 0, 0)',
    ]
  },
}
