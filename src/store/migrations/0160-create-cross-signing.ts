import { type Migration, table } from '../sql/engine/schema.ts'

export const createCrossSigning: Migration = {
  name: '0160-create-cross-signing',
  statements: ({ integer, text }) => [
    table(
      'cross_signing_keys',
      { owner: 'domain/e2ee', rowsGo: 'when the user replaces the key, or the account ends' },
      `user_number ${integer} not null`,
      `usage ${text} not null /* master, self_signing or user_signing */`,
      `public_key ${text} not null`,
      `key_json ${text} not null`,
      'primary key (user_number, usage)',
    ),
    table(
      'key_signatures',
      {
        owner: 'domain/e2ee; signatures that were uploaded beside the keys',
        rowsGo: 'when either key is replaced or removed',
      },
      `target_user ${integer} not null`,
      `target_key ${text} not null /* the id of a device, or a public key of cross-signing */`,
      `signer ${integer} not null`,
      `signer_key ${text} not null /* with its algorithm */`,
      `signature ${text} not null`,
      'primary key (target_user, target_key, signer, signer_key)',
    ),
    'create index key_signatures_by_signer on key_signatures (signer, signer_key)',
  ],
}
