import type { NewTokenPair, TokenNumber, TokensWriter } from '../../ports/accounts/devices.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { defineWrite, queriesOver, type Tx } from '../engine/index.ts'
import type { AccountTables } from './accounts-tables.ts'

const query = queriesOver<AccountTables>()

interface PairValues {
  readonly device: number
  readonly accessHash: string
  readonly accessExpiresAtMs: number | null
  readonly refreshHash: string | null
  readonly refreshExpiresAtMs: number | null
  readonly predecessor: number | null
}

const insertTokens = query((db, param: PairValues) =>
  db
    .insertInto('token_pairs')
    .values({
      device: param.device,
      access_hash: param.accessHash,
      access_expires_ms: param.accessExpiresAtMs,
      refresh_hash: param.refreshHash,
      refresh_expires_ms: param.refreshExpiresAtMs,
      predecessor: param.predecessor,
    })
    .returning('token'),
)
const pairOf = query((db, param: { token: number }) =>
  db
    .selectFrom('token_pairs')
    .innerJoin('devices', 'devices.device', 'token_pairs.device')
    .select(['token_pairs.device', 'predecessor', 'user_number'])
    .where('token', '=', param.token),
)
/** Removes the unused pairs that were given in exchange for a pair. Chains are one exchange long, as using a pair voids the one before it. */
const deleteSuccessors = query((db, param: { token: number; device: number }) =>
  db.deleteFrom('token_pairs').where('device', '=', param.device).where('predecessor', '=', param.token),
)
const deletePair = query((db, param: { token: number }) =>
  db.deleteFrom('token_pairs').where('token', '=', param.token),
)
const standAlone = query((db, param: { token: number }) =>
  db.updateTable('token_pairs').set({ predecessor: null }).where('token', '=', param.token),
)

export const insertPair = async (
  tx: Tx,
  device: number,
  tokens: NewTokenPair,
  predecessor: TokenNumber | undefined,
): Promise<TokenNumber> => {
  const row = await tx.first(insertTokens, {
    device,
    accessHash: tokens.accessHash,
    accessExpiresAtMs: tokens.accessExpiresAtMs ?? null,
    refreshHash: tokens.refreshHash ?? null,
    refreshExpiresAtMs: tokens.refreshExpiresAtMs ?? null,
    predecessor: predecessor ?? null,
  })
  if (row === undefined) throw new Error('an inserted token got no number')
  return row.token
}

/** Announces that access tokens of the user are void. */
export const announceVoided = (tx: Tx, user: number): void =>
  tx.announce({ stream: 'sessions', position: tx.next('sessions', 1), rooms: [], users: [user] })

/** Voids the pair that this one replaced. Returns whether there was one. */
const confirmPair = async (tx: Tx, token: TokenNumber, predecessor: number | null): Promise<boolean> => {
  if (predecessor === null) return false
  await tx.run(deletePair, { token: predecessor })
  await tx.run(standAlone, { token })
  return true
}

const exchange = defineWrite(
  'tokens.exchange',
  ['sessions'],
  async (tx, input: { token: TokenNumber; tokens: NewTokenPair }) => {
    const pair = await tx.first(pairOf, { token: input.token })
    if (pair === undefined) throw new WriteConflict('refresh-token-gone')
    const hadOlder = await confirmPair(tx, input.token, pair.predecessor)
    const unused = await tx.run(deleteSuccessors, { token: input.token, device: pair.device })
    if (hadOlder || unused > 0) announceVoided(tx, pair.user_number)
    return insertPair(tx, pair.device, input.tokens, input.token)
  },
)

const confirm = defineWrite('tokens.confirm', ['sessions'], async (tx, input: { token: TokenNumber }) => {
  const pair = await tx.first(pairOf, { token: input.token })
  if (pair === undefined) throw new WriteConflict('token-gone')
  if (await confirmPair(tx, input.token, pair.predecessor)) announceVoided(tx, pair.user_number)
})

export const tokensWrites = [exchange, confirm]

export const tokensWriter: TokensWriter = {
  exchange: (token, tokens) => exchange({ token, tokens }),
  confirm: (token) => confirm({ token }),
}
