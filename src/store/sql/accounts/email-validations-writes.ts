import type { UserId } from '#spec'
import type {
  EmailValidationKey,
  EmailValidationsWriter,
  TokenOutcome,
} from '../../ports/accounts/email-validations.ts'
import { WriteConflict } from '../../ports/engine/change.ts'
import { defineWrite, insertInto, queriesOver } from '../engine/index.ts'
import type { EmailValidationTables, ThirdPartyIdTables } from './third-party-ids-tables.ts'

/** Mails of one session whose tokens are valid at the same time: a user who asked twice may open the first mail. */
const GOOD_TOKENS = 3

const query = queriesOver<EmailValidationTables & ThirdPartyIdTables>()

const ofKey = query((db, param: EmailValidationKey) =>
  db
    .selectFrom('email_validations')
    .select(['sid', 'token_hashes'])
    .where('secret_hash', '=', param.secretHash)
    .where('address', '=', param.address)
    .where('purpose', '=', param.purpose),
)
const numbered = query((db, param: { sid: string }) =>
  db.selectFrom('email_validations').selectAll().where('sid', '=', param.sid),
)
const deleteExpired = query((db, param: { nowMs: number }) =>
  db.deleteFrom('email_validations').where('expires_ms', '<=', param.nowMs),
)
const insertValidation = insertInto('email_validations', {
  sid: 'text',
  secret_hash: 'text',
  address: 'text',
  purpose: 'text',
  token_hashes: 'text',
  attempt: 'integer?',
  sent_ms: 'integer?',
  next_link: 'text?',
  wrong: 'integer',
  expires_ms: 'integer',
  validated_ms: 'integer?',
})
const renew = query((db, param: { sid: string; tokenHashes: string; nextLink: string | null; expiresAtMs: number }) =>
  db
    .updateTable('email_validations')
    .set({ token_hashes: param.tokenHashes, next_link: param.nextLink, wrong: 0, expires_ms: param.expiresAtMs })
    .where('sid', '=', param.sid),
)
const storeSent = query((db, param: { sid: string; attempt: number; atMs: number }) =>
  db.updateTable('email_validations').set({ attempt: param.attempt, sent_ms: param.atMs }).where('sid', '=', param.sid),
)
const countWrong = query((db, param: { sid: string }) =>
  db
    .updateTable('email_validations')
    .set((row) => ({ wrong: row('wrong', '+', 1) }))
    .where('sid', '=', param.sid),
)
const storeValidated = query((db, param: { sid: string; nowMs: number; expiresAtMs: number }) =>
  db
    .updateTable('email_validations')
    .set({ validated_ms: param.nowMs, expires_ms: param.expiresAtMs })
    .where('sid', '=', param.sid),
)
const deleteUsed = query((db, param: { sid: string; nowMs: number }) =>
  db
    .deleteFrom('email_validations')
    .where('sid', '=', param.sid)
    .where('expires_ms', '>', param.nowMs)
    .where('validated_ms', 'is not', null),
)

const deleteOfUser = query((db, param: { userId: string; purpose: string }) =>
  db
    .deleteFrom('email_validations')
    .where('purpose', '=', param.purpose)
    .where('address', 'in', (of) =>
      of
        .selectFrom('third_party_ids as held')
        .innerJoin('users', 'users.user_number', 'held.user_number')
        .select('held.address')
        .where('users.user_id', '=', param.userId)
        .where('held.medium', '=', 'email'),
    ),
)

type Draft = Parameters<EmailValidationsWriter['prepare']>[0]
type Proof = Parameters<EmailValidationsWriter['submit']>[0]

const prepare = defineWrite('emailValidations.prepare', async (tx, draft: Draft): Promise<string> => {
  await tx.run(deleteExpired, { nowMs: draft.nowMs })
  const { secretHash, address, purpose, tokenHash, expiresAtMs } = draft
  const nextLink = draft.nextLink ?? null
  const known = await tx.first(ofKey, { secretHash, address, purpose })
  if (known !== undefined) {
    const tokenHashes = [...known.token_hashes.split(' '), tokenHash].slice(-GOOD_TOKENS).join(' ')
    await tx.run(renew, { sid: known.sid, tokenHashes, nextLink, expiresAtMs })
    return known.sid
  }
  await tx.insertMany(insertValidation, [
    {
      sid: draft.sid,
      secret_hash: secretHash,
      address,
      purpose,
      token_hashes: tokenHash,
      attempt: null,
      sent_ms: null,
      next_link: nextLink,
      wrong: 0,
      expires_ms: expiresAtMs,
      validated_ms: null,
    },
  ])
  return draft.sid
})

const sent = defineWrite('emailValidations.sent', async (tx, input: { sid: string; attempt: number; atMs: number }) => {
  await tx.run(storeSent, input)
})

const submit = defineWrite('emailValidations.submit', async (tx, proof: Proof): Promise<TokenOutcome> => {
  const { sid, secretHash, tokenHash, nowMs, expiresAtMs } = proof
  const session = await tx.first(numbered, { sid })
  if (session === undefined || session.expires_ms <= nowMs) return 'gone'
  if (secretHash !== undefined && session.secret_hash !== secretHash) return 'gone'
  if (session.wrong >= proof.most) return 'wrong'
  if (!session.token_hashes.split(' ').includes(tokenHash)) {
    await tx.run(countWrong, { sid })
    return 'wrong'
  }
  if (session.validated_ms === null) await tx.run(storeValidated, { sid, nowMs, expiresAtMs })
  return 'validated'
})

const consume = defineWrite('emailValidations.consume', async (tx, input: { sid: string; nowMs: number }) => {
  if ((await tx.run(deleteUsed, input)) === 0) throw new WriteConflict('validation-gone')
})

const withdraw = defineWrite(
  'emailValidations.withdraw',
  async (tx, { userId, purposes }: { userId: UserId; purposes: readonly string[] }) => {
    for (const purpose of purposes) await tx.run(deleteOfUser, { userId, purpose })
  },
)

export const emailValidationsWrites = [prepare, sent, submit, consume, withdraw]

export const emailValidationsWriter: EmailValidationsWriter = {
  prepare,
  sent: (sid, attempt, atMs) => sent({ sid, attempt, atMs }),
  submit,
  consume: (sid, nowMs) => consume({ sid, nowMs }),
  withdraw: (userId, purposes) => withdraw({ userId, purposes }),
}
