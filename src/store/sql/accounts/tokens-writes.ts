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
  db.selectFrom('token_pairs').select(['device', 'predecessor']).where('token', '=', param.token),
)
/** All pairs of a device that hang on one: at most one exchange deep, since using a pair voids the one before it. */
const deleteSuccessors = query((db, param: { token: number; device: number }) =>
  db
    .deleteFrom('token_pairs')
    .where('device', '=', param.device)
    .where('predecessor', '=', param.token)
    .returning('access_hash'),
)
const deletePair = query((db, param: { token: number }) =>
  db.deleteFrom('token_pairs').where('token', '=', param.token).returning('access_hash'),
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

const confirmPair = async (tx: Tx, token: TokenNumber, predecessor: number | null): Promise<readonly string[]> => {
  if (predecessor === null) return []
  const rows = await tx.all(deletePair, { token: predecessor })
  await tx.run(standAlone, { token })
  return rows.map((row) => row.access_hash)
}

const exchange = defineWrite('tokens.exchange', async (tx, input: { token: TokenNumber; tokens: NewTokenPair }) => {
  const pair = await tx.first(pairOf, { token: input.token })
  if (pair === undefined) throw new WriteConflict('refresh-token-gone')
  const older = await confirmPair(tx, input.token, pair.predecessor)
  const unused = await tx.all(deleteSuccessors, { token: input.token, device: pair.device })
  const token = await insertPair(tx, pair.device, input.tokens, input.token)
  return { token, revoked: [...older, ...unused.map((row) => row.access_hash)] }
})

const confirm = defineWrite('tokens.confirm', async (tx, input: { token: TokenNumber }) => {
  const pair = await tx.first(pairOf, { token: input.token })
  if (pair === undefined) throw new WriteConflict('token-gone')
  return { revoked: await confirmPair(tx, input.token, pair.predecessor) }
})

export const tokensWrites = [exchange, confirm]

export const tokensWriter: TokensWriter = {
  exchange: (token, tokens) => exchange({ token, tokens }),
  confirm: (token) => confirm({ token }),
}
