import type { Migration, SchemaWords } from '../sql/engine/schema.ts'

/** The pieces of one text that another does not have. Pieces have no sign that JSON would read as anything but itself. */
const without = (pieces: string, others: string): string =>
  `(select coalesce(group_concat(value, ' '), '') from json_each('["' || replace(${pieces}, ' ', '","') || '"]')
    where value <> '' and instr(' ' || ${others} || ' ', ' ' || value || ' ') = 0)`

/**
 * A new name puts in the pieces that the index lacks. Overwriting those of the former name costs more the larger the index is (a page for each piece), so it is done
 * behind the answer; until then the index has these too, and whoever reads it compares the names anyway. Smaller pages of the index make it cheaper.
 */
const index = ({ dialect }: SchemaWords): readonly string[] =>
  dialect === 'sqlite'
    ? [
        "insert into user_names_index (user_names_index, rank) values ('pgsz', 400)",
        'drop trigger user_names_went',
        `create trigger user_names_went after delete on user_names begin
          insert into user_names_index (user_names_index, rowid, grams) values ('delete', old.user_number, old.grams || ' ' || old.former);
        end`,
        `create trigger user_names_changed after update of grams on user_names when new.grams <> old.grams begin
          insert into user_names_index (rowid, grams) values (new.user_number, ${without('new.grams', "old.grams || ' ' || old.former")});
          update user_names set former = ${without("old.grams || ' ' || old.former", 'new.grams')} where user_number = new.user_number;
        end`,
      ]
    : []

/** PostgreSQL's index follows the row itself, so nothing is ever left there. */
export const takeFormerNamesOutLater: Migration = {
  name: '1000-take-former-names-out-later',
  statements: (words) => [
    `alter table user_names add column former ${words.text} not null default '' /* pieces that the index still has, beyond those of grams */`,
    "create index user_names_former on user_names (user_number) where former <> ''",
    ...index(words),
  ],
}
