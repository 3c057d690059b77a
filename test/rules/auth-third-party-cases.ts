import { signingKeyFromSeed, signJson } from '#rules'
import type { JsonObject, JsonValue, ServerName } from '#spec'
import type { AuthCase, Draft } from './auth-room.ts'
import { ALICE, BOB, EVE, MOD, member } from './auth-room.ts'

const keyOf = (seedByte: number) => {
  const key = signingKeyFromSeed('ed25519:0', 'id.example' as ServerName, Buffer.alloc(32, seedByte).toString('base64'))
  if (!key.ok) throw new Error(key.failure.reason)
  return key.value
}
const key = keyOf(1)
const otherKey = keyOf(2)

const signedBy = (signer: typeof key, signed: JsonObject): JsonObject => {
  const result = signJson(signed, signer)
  if (!result.ok) throw new Error(result.failure.reason)
  return result.value
}

const SIGNED = signedBy(key, { mxid: EVE, token: 'token' })
const invite = (content: JsonObject, stateKey = 'token'): Draft => ({
  type: 'm.room.third_party_invite',
  stateKey,
  sender: BOB,
  content,
})
const PENDING = invite({ public_key: key.publicKey })
const accept = (signed: JsonValue | undefined, sender = BOB): Draft =>
  member(sender, 'invite', EVE, {
    third_party_invite: signed === undefined ? {} : { display_name: 'eve', signed },
  })

const aCase = (
  name: string,
  state: readonly Draft[],
  event: Draft,
  expect: AuthCase['expect'],
  versions = '1-12',
): AuthCase => ({ name: `a third-party invite ${name}`, versions, state, event, expect })
const withKeys = (content: JsonObject): readonly Draft[] => [invite(content)]

export const THIRD_PARTY_CASES: readonly AuthCase[] = [
  aCase('signed with public_key', [PENDING], accept(SIGNED), 'allowed'),
  aCase(
    'signed with one of public_keys',
    withKeys({ public_key: otherKey.publicKey, public_keys: [{ public_key: 'x' }, { public_key: key.publicKey }] }),
    accept(SIGNED),
    'allowed',
  ),
  aCase(
    'with a second signature that is good',
    [PENDING],
    accept(signedBy(key, { ...SIGNED, signatures: { 'other.example': { 'ed25519:1': 'AAAA' } } })),
    'allowed',
  ),
  aCase('whose sender has left', [PENDING, member(BOB, 'leave')], accept(SIGNED), 'allowed'),
  aCase('for a banned user', [PENDING, member(ALICE, 'ban', EVE)], accept(SIGNED), 'invite-target-banned'),
  aCase('that is empty', [PENDING], accept(undefined), 'third-party-invite-malformed'),
  ...[null, {}, { mxid: EVE }, { token: 'token' }, { mxid: 1, token: 'token' }, { mxid: EVE, token: 1 }].map((signed) =>
    aCase(`signed ${JSON.stringify(signed)}`, [PENDING], accept(signed), 'third-party-invite-malformed'),
  ),
  aCase(
    'which is null',
    [PENDING],
    member(BOB, 'invite', EVE, { third_party_invite: null }),
    'third-party-invite-malformed',
  ),
  aCase(
    'for another user',
    [PENDING],
    accept(signedBy(key, { mxid: MOD, token: 'token' })),
    'third-party-invite-for-other',
  ),
  aCase('that the room does not know', [], accept(SIGNED), 'third-party-invite-unknown'),
  aCase(
    'with another token',
    [PENDING],
    accept(signedBy(key, { mxid: EVE, token: 'other' })),
    'third-party-invite-unknown',
  ),
  aCase('taken up by another member', [PENDING], accept(SIGNED, MOD), 'third-party-invite-sender-mismatch'),
  aCase('without signature', [PENDING], accept({ mxid: EVE, token: 'token' }), 'third-party-invite-unsigned'),
  aCase(
    'signed with another key',
    [PENDING],
    accept(signedBy(otherKey, { mxid: EVE, token: 'token' })),
    'third-party-invite-unsigned',
  ),
  aCase('changed after it was signed', [PENDING], accept({ ...SIGNED, extra: true }), 'third-party-invite-unsigned'),
  ...[1.5, 2 ** 60, '\ud800'].map((extra) =>
    aCase(
      `with ${JSON.stringify(extra)}, which nobody can have signed`,
      [PENDING],
      accept({ ...SIGNED, extra }),
      'third-party-invite-unsigned',
    ),
  ),
  aCase('revoked', withKeys({}), accept(SIGNED), 'third-party-invite-unsigned'),
  ...['', 'x', 'AAAA', key.publicKey.slice(1)].map((publicKey) =>
    aCase(
      `with key "${publicKey}"`,
      withKeys({ public_key: publicKey }),
      accept(SIGNED),
      'third-party-invite-unsigned',
    ),
  ),
  aCase(
    'with thousands of keys that are none',
    withKeys({ public_keys: Array.from({ length: 2000 }, (_, index) => ({ public_key: `${index}` })) }),
    accept(SIGNED),
    'third-party-invite-unsigned',
  ),
]
