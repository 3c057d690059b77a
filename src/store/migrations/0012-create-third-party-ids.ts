import { type Migration, table } from '../sql/engine/schema.ts'

export const createThirdPartyIds: Migration = {
  name: '0012-create-third-party-ids',
  statements: ({ integer, text }) => [
    table(
      'third_party_ids',
      { owner: 'domain/threepids', rowsGo: 'when the user removes them, or with the account' },
      `medium ${text} not null`,
      `address ${text} not null`,
      `user_number ${integer} not null`,
      `validated_ms ${integer} not null`,
      `added_ms ${integer} not null`,
      'primary key (medium, address)',
    ),
    'create index third_party_ids_of_user on third_party_ids (user_number)',
    table(
      'identity_bindings',
      { owner: 'domain/threepids', rowsGo: 'when the identity server took them back, or with the account' },
      `user_number ${integer} not null`,
      `medium ${text} not null`,
      `address ${text} not null`,
      `id_server ${text} not null`,
      'primary key (user_number, medium, address, id_server)',
    ),
    table(
      'email_validations',
      { owner: 'domain/threepids', rowsGo: 'once used, or when they expired and another one begins' },
      `sid ${text} primary key`,
      `secret_hash ${text} not null`,
      `address ${text} not null`,
      `purpose ${text} not null`,
      `token_hashes ${text} not null /* of the newest mails, with spaces between */`,
      `attempt ${integer} /* send_attempt of the last mail that went out */`,
      `sent_ms ${integer} /* when that was */`,
      `next_link ${text}`,
      `wrong ${integer} not null /* tokens that did not fit */`,
      `expires_ms ${integer} not null`,
      `validated_ms ${integer}`,
      'unique (secret_hash, address, purpose)',
    ),
    'create index email_validations_expiry on email_validations (expires_ms)',
  ],
}
