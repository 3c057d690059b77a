import { describe, expect, it } from 'vitest'
import type { AuthRefusalReason } from '#rules'
import { describeRefusal } from '#rules'
import { MEMBER_CASES } from './auth-member-cases.ts'
import { OWNED_CASES } from './auth-owned-cases.ts'
import { POWER_CASES } from './auth-power-cases.ts'
import type { AuthCase } from './auth-room.ts'
import { judge, versionsIn } from './auth-room.ts'
import { ROOM_CASES } from './auth-room-cases.ts'
import { THIRD_PARTY_CASES } from './auth-third-party-cases.ts'

const TABLES: readonly (readonly [title: string, cases: readonly AuthCase[]])[] = [
  ['the room and what anyone may send', ROOM_CASES],
  ['m.room.member', MEMBER_CASES],
  ['third-party invites', THIRD_PARTY_CASES],
  ['m.room.power_levels', POWER_CASES],
  ['owned state', OWNED_CASES],
]

for (const [title, cases] of TABLES) {
  describe(`authorisation: ${title}`, () => {
    it.each(
      cases.map((authCase) => [`${authCase.name} (${authCase.versions}): ${authCase.expect}`, authCase] as const),
    )('%s', (_, authCase) => {
      const versions = versionsIn(authCase.versions)
      expect(versions.length).toBeGreaterThan(0)
      for (const version of versions) {
        const refusal = judge(version, authCase)
        const outcome = refusal === 'allowed' ? refusal : refusal.reason
        expect(outcome, `room version ${version.id}`).toBe(authCase.expect)
        if (authCase.fields !== undefined) expect(refusal).toMatchObject(authCase.fields)
      }
    })
  })
}

/** Those of `checkAuthEventSelection` have their own tests. */
const EVERY_REASON: Readonly<Record<Exclude<AuthRefusalReason, `auth-event${string}`>, true>> = {
  'create-has-prev-events': true,
  'create-room-id-mismatch': true,
  'create-room-version-unknown': true,
  'create-without-creator': true,
  'create-additional-creators-malformed': true,
  'no-create-event': true,
  'create-rejected': true,
  'room-id-not-from-create': true,
  'not-federated': true,
  'aliases-without-state-key': true,
  'aliases-of-other-server': true,
  'member-malformed': true,
  'membership-unknown': true,
  'authorising-user-malformed': true,
  'join-for-other': true,
  'join-banned': true,
  'join-not-invited': true,
  'join-without-authorising-user': true,
  'join-authorising-user-not-joined': true,
  'join-authorising-user-lacks-power': true,
  'join-rule-forbids-join': true,
  'invite-target-joined': true,
  'invite-target-banned': true,
  'third-party-invite-malformed': true,
  'third-party-invite-for-other': true,
  'third-party-invite-unknown': true,
  'third-party-invite-sender-mismatch': true,
  'third-party-invite-unsigned': true,
  'leave-without-membership': true,
  'target-power-not-lower': true,
  'knock-for-other': true,
  'knock-not-possible': true,
  'join-rule-forbids-knock': true,
  'sender-not-joined': true,
  'power-too-low': true,
  'state-key-of-other-user': true,
  'state-key-malformed': true,
  'power-levels-malformed': true,
  'power-levels-name-creator': true,
  'power-level-out-of-reach': true,
}

describe('refusals', () => {
  it('are each reached by a case', () => {
    const reached = new Set(TABLES.flatMap(([, cases]) => cases.map((authCase) => authCase.expect)))
    expect([...reached].sort()).toEqual([...Object.keys(EVERY_REASON), 'allowed'].sort())
  })

  it('are described in one short sentence', () => {
    for (const [, cases] of TABLES) {
      for (const authCase of cases.filter((candidate) => candidate.expect !== 'allowed')) {
        for (const version of versionsIn(authCase.versions)) {
          const refusal = judge(version, authCase)
          if (refusal !== 'allowed') expect(describeRefusal(refusal)).toMatch(/^[^\n]{15,200}[^.]$/)
        }
      }
    }
  })

  it('stay short whatever the event says', () => {
    const text = describeRefusal({ reason: 'membership-unknown', membership: 'x'.repeat(60_000) })
    expect(text.length).toBeLessThan(120)
  })
})
