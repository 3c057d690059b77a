import type { Migration } from '../sql/engine/schema.ts'

export const grantAdministration: Migration = {
  name: '0910-grant-administration',
  statements: ({ integer }) => [
    `alter table devices add column oauth_admin ${integer} /* 1: the person let the OAuth client administer the server too */`,
  ],
}
