import type { Migration } from '../sql/engine/schema.ts'

export const indexAdministrators: Migration = {
  name: '0886-index-administrators',
  statements: () => ['create index accounts_admins on accounts (user_number) where admin = 1'],
}
