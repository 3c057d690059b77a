import type { AuthCase } from './auth-room.ts'
import { ALICE, BOB, MOD } from './auth-room.ts'

const owned = (name: string, sender: string, stateKey: string, expect: AuthCase['expect']): AuthCase => ({
  name,
  versions: 'owned',
  event: { type: 'org.example.device', sender, stateKey, content: {} },
  expect,
})

/** MSC3757. */
export const OWNED_CASES: readonly AuthCase[] = [
  owned("state under one's own user id", MOD, MOD, 'allowed'),
  owned("state under one's own user id and a device", MOD, `${MOD}_DEVICE`, 'allowed'),
  owned("state under one's own user id and nothing behind the underscore", MOD, `${MOD}_`, 'allowed'),
  owned('state of somebody with less power', ALICE, `${MOD}_DEVICE`, 'allowed'),
  owned('state of a plain member', MOD, BOB, 'allowed'),
  owned('state of somebody with more power', MOD, `${ALICE}_DEVICE`, 'state-key-of-other-user'),
  owned('state of somebody with more power, without a device', MOD, ALICE, 'state-key-of-other-user'),
  owned(
    'state of a stranger whose id begins with that of the most powerful',
    MOD,
    `${ALICE}.evil.example_x`,
    'allowed',
  ),
  owned('a state key that is no user id', ALICE, '@nobody', 'state-key-malformed'),
  owned('a state key that begins with no user id', ALICE, '@nobody_DEVICE', 'state-key-malformed'),
  owned('a state key without a server', ALICE, '@nobody:_DEVICE', 'state-key-malformed'),
  owned('the longest suffix', MOD, `${MOD}_${'x'.repeat(255)}`, 'allowed'),
  owned('a suffix that is too long', MOD, `${MOD}_${'x'.repeat(256)}`, 'state-key-malformed'),
  owned('the longest key of nobody', MOD, 'é'.repeat(127), 'allowed'),
  owned('a key of nobody that is too long', MOD, 'é'.repeat(128), 'state-key-malformed'),
]
