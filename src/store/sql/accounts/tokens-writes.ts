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
    .select(['token_pairs.device', 'predecessor', 'replaced', 'user_number'])
    .where('token', '=', param.token),
)
/** Valid pairs of a device. A client has one, or some for a moment: its windows may refresh at once, and answers get lost. */
const VALID_PAIRS = 64
/** Replaced pairs of a device: enough to tell a client that slept for a day that its device lives on. */
const REPLACED_PAIRS = 32
/** SQLite has no offset without a limit. */
const MORE_THAN_THERE_ARE = 1_000_000

const replacePair = query((db, param: { token: number }) =>
  db.updateTable('token_pairs').set({ replaced: 1, predecessor: null }).where('token', '=', param.token),
)
/** Removes the oldest pairs of a device, those that were never used first. */
const deleteBeyond = query((db, param: { device: number; replaced: number; kept: number }) =>
  db.deleteFrom('token_pairs').where('token', 'in', (of) =>
    of
      .selectFrom('token_pairs')
      .select('token')
      .where('device', '=', param.device)
      .where('replaced', '=', param.replaced)
      .orderBy((by) => by.case().when('predecessor', 'is', null).then(0).else(1).end())
      .orderBy('token', 'desc')
      .limit(MORE_THAN_THERE_ARE)
      .offset(param.kept),
  ),
)
const standAlone = query((db, param: { token: number }) =>
  db.updateTable('token_pairs').set({ predecessor: null }).where('token', '=', param.token),
)

const ownerOfSession = query((db, param: { token: number; oauthClient: string }) =>
  db
    .selectFrom('token_pairs')
    .innerJoin('devices', 'devices.device', 'token_pairs.device')
    .select(['devices.device', 'user_number'])
    .where('token', '=', param.token)
    .where('oauth_client', '=', param.oauthClient),
)
const replaceAll = query((db, param: { device: number }) =>
  db
    .updateTable('token_pairs')
    .set({ replaced: 1, predecessor: null })
    .where('device', '=', param.device)
    .where('replaced', '=', 0),
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

/** Voids the pair that this one replaces. Returns whether there was one. */
const confirmPair = async (
  tx: Tx,
  token: TokenNumber,
  { device, predecessor }: { readonly device: number; readonly predecessor: number | null },
): Promise<boolean> => {
  if (predecessor === null) return false
  await tx.run(replacePair, { token: predecessor })
  await tx.run(standAlone, { token })
  await tx.run(deleteBeyond, { device, replaced: 1, kept: REPLACED_PAIRS })
  return true
}

const exchange = defineWrite(
  'tokens.exchange',
  ['sessions'],
  async (tx, input: { token: TokenNumber; tokens: NewTokenPair }) => {
    const pair = await tx.first(pairOf, { token: input.token })
    if (pair === undefined || pair.replaced === 1) throw new WriteConflict('refresh-token-gone')
    const { device } = pair
    const hadOlder = await confirmPair(tx, input.token, pair)
    const removed = await tx.run(deleteBeyond, { device, replaced: 0, kept: VALID_PAIRS - 1 })
    if (hadOlder || removed > 0) announceVoided(tx, pair.user_number)
    return insertPair(tx, device, input.tokens, input.token)
  },
)

const confirm = defineWrite('tokens.confirm', ['sessions'], async (tx, input: { token: TokenNumber }) => {
  const pair = await tx.first(pairOf, { token: input.token })
  if (pair === undefined) throw new WriteConflict('token-gone')
  if (await confirmPair(tx, input.token, pair)) announceVoided(tx, pair.user_number)
})

const voidSession = defineWrite(
  'tokens.voidSession',
  ['sessions'],
  async (tx, input: { token: TokenNumber; oauthClient: string }) => {
    const owner = await tx.first(ownerOfSession, input)
    if (owner === undefined || (await tx.run(replaceAll, owner)) === 0) return
    await tx.run(deleteBeyond, { device: owner.device, replaced: 1, kept: REPLACED_PAIRS })
    announceVoided(tx, owner.user_number)
  },
)

export const tokensWrites = [exchange, confirm, voidSession]

export const tokensWriter: TokensWriter = {
  exchange: (token, tokens) => exchange({ token, tokens }),
  confirm: (token) => confirm({ token }),
  voidSession: (token, oauthClient) => voidSession({ token, oauthClient }),
}
