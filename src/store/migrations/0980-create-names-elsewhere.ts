import { type Migration, table } from '../sql/engine/schema.ts'

/** People of other servers in the directory of users. Those of rooms from before come in the same way as all others: by the position of their memberships, from the first one on. */
export const createNamesElsewhere: Migration = {
  name: '0980-create-names-elsewhere',
  statements: ({ integer, text }) => [
    `create index memberships_joined_at on memberships (position, user_number) where membership = 'join'`,
    table(
      'names_elsewhere',
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
    'create index names_elsewhere_to_ask on names_elsewhere (server, ask_at_ms) where ask_at_ms is not null',
    table(
      'name_servers',
      { owner: 'domain/search; servers of people in names_elsewhere', rowsGo: 'with the last of these' },
      `server ${integer} primary key`,
      `kept ${integer} not null /* rows of names_elsewhere */`,
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
      'names_elsewhere_progress',
      {
        owner: 'domain/search; up to which membership people are put in, and how far the rows were swept',
        rowsGo: 'never',
      },
      `place ${integer} primary key /* 1: there is one row */`,
      `position ${integer} not null`,
      `user_number ${integer} not null`,
      `swept ${integer} not null /* the last user that was looked at */`,
      `kept ${integer} not null /* rows of names_elsewhere */`,
    ),
    'insert into names_elsewhere_progress (place, position, user_number, swept, kept) values (1, 0, 0, 0, 0)',
  ],
}
