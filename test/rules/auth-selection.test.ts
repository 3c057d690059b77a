import { describe, expect, it } from 'vitest'
import type { AuthRefusalReason } from '#rules'
import { authEventTuples, checkAuthEventSelection, describeRefusal } from '#rules'
import type { RoomVersion } from '#spec'
import { ROOM_VERSIONS } from '#spec'
import type { Draft } from './auth-room.ts'
import {
  ALICE,
  BOB,
  EVE,
  joinRules,
  MOD,
  makeEvent,
  member,
  powerLevels,
  usualCreate,
  usualState,
  versionOf,
  versionsIn,
} from './auth-room.ts'

const tuplesOf = (version: RoomVersion, draft: Draft): string[] =>
  authEventTuples(version, makeEvent(version, draft)).map(({ type, stateKey }) => `${type}|${stateKey}`)

const CREATE = 'm.room.create|'
const POWER = 'm.room.power_levels|'
const RULES = 'm.room.join_rules|'
const of = (userId: string): string => `m.room.member|${userId}`

const thirdPartyInvite = member(BOB, 'invite', EVE, { third_party_invite: { signed: { token: 'tok' } } })
const vouchedJoin = member(EVE, 'join', EVE, { join_authorised_via_users_server: BOB })

const SELECTIONS: readonly (readonly [name: string, versions: string, draft: Draft, expected: string[]])[] = [
  ['a message', '1-12', { type: 'm.room.message', sender: BOB }, [POWER, of(BOB)]],
  ['state', '1-12', { type: 'm.room.topic', stateKey: '', sender: BOB }, [POWER, of(BOB)]],
  ['a join', '1-12', member(BOB, 'join'), [POWER, of(BOB), RULES]],
  ['a join with someone vouching, once known', '8-12', vouchedJoin, [POWER, of(EVE), RULES, of(BOB)]],
  ['a join with someone vouching, before', '1-7', vouchedJoin, [POWER, of(EVE), RULES]],
  [
    'a join vouched for by oneself',
    '8-12',
    member(BOB, 'join', BOB, { join_authorised_via_users_server: BOB }),
    [POWER, of(BOB), RULES],
  ],
  ['an invite', '1-12', member(BOB, 'invite', EVE), [POWER, of(BOB), of(EVE), RULES]],
  ['a third-party invite', '1-12', thirdPartyInvite, [POWER, of(BOB), of(EVE), RULES, 'm.room.third_party_invite|tok']],
  ['a knock', '1-12', member(EVE, 'knock'), [POWER, of(EVE), RULES]],
  ['leaving', '1-12', member(BOB, 'leave'), [POWER, of(BOB)]],
  ['a kick', '1-12', member(MOD, 'leave', BOB), [POWER, of(MOD), of(BOB)]],
  ['a ban', '1-12', member(MOD, 'ban', BOB), [POWER, of(MOD), of(BOB)]],
]

describe('auth events selection', () => {
  it.each(SELECTIONS)('of %s (%s)', (_, versions, draft, expected) => {
    for (const version of versionsIn(versions))
      expect(tuplesOf(version, draft)).toEqual(version.roomIdIsCreateHash ? expected : [CREATE, ...expected])
  })

  it('cites nothing in the create event', () => {
    for (const version of ROOM_VERSIONS.values()) expect(tuplesOf(version, usualCreate(version))).toEqual([])
  })
})

const CITED: readonly Draft[] = [powerLevels({}), member(BOB, 'join')]
const MESSAGE: Draft = { type: 'm.room.message', sender: BOB }

const check = (
  version: RoomVersion,
  cited: readonly Draft[],
  draft: Draft = MESSAGE,
): 'allowed' | AuthRefusalReason => {
  const event = makeEvent(version, draft)
  const create = version.roomIdIsCreateHash ? [] : [usualCreate(version)]
  const authEvents = [...create, ...cited].map((one) => makeEvent(version, one))
  const verdict = checkAuthEventSelection(version, event, authEvents)
  if (verdict.allowed) return 'allowed'
  expect(describeRefusal(verdict.refusal).length).toBeGreaterThan(10)
  return verdict.refusal.reason
}

describe('the rule on the auth events of an event from outside', () => {
  it.each([...ROOM_VERSIONS.keys()])('room version %s', (id) => {
    const version = versionOf(id)
    expect(check(version, CITED)).toBe('allowed')
    expect(check(version, [])).toBe('allowed')
    expect(check(version, [...CITED, powerLevels({ ban: 1 })])).toBe('auth-event-duplicate')
    expect(check(version, [...CITED, joinRules('public')])).toBe('auth-event-surplus')
    expect(check(version, [...CITED, member(MOD, 'join')])).toBe('auth-event-surplus')
    expect(check(version, [...CITED, MESSAGE])).toBe('auth-event-surplus')
    expect(check(version, [...CITED, { ...powerLevels({}), stateKey: 'x' }])).toBe('auth-event-surplus')
    expect(check(version, [powerLevels({}), { ...member(BOB, 'join'), rejected: true }])).toBe('auth-event-rejected')
    expect(check(version, [{ ...powerLevels({}), roomId: '!other:a.example' }])).toBe('auth-event-of-other-room')
    expect(check(version, [joinRules('public')], member(BOB, 'join'))).toBe('allowed')
    expect(check(version, [joinRules('public')], usualCreate(version))).toBe('allowed')
  })

  it('asks for the create event, except where the room id names it', () => {
    for (const version of ROOM_VERSIONS.values()) {
      const event = makeEvent(version, MESSAGE)
      const cited = CITED.map((draft) => makeEvent(version, draft))
      const create = makeEvent(version, usualCreate(version))
      const without = checkAuthEventSelection(version, event, cited)
      const having = checkAuthEventSelection(version, event, [...cited, create])
      expect(without.allowed).toBe(version.roomIdIsCreateHash)
      expect(having.allowed).toBe(!version.roomIdIsCreateHash)
      const refused = [without, having].find((verdict) => !verdict.allowed)
      const reason = version.roomIdIsCreateHash ? 'auth-event-surplus' : 'auth-events-without-create'
      expect(refused).toMatchObject({ refusal: { reason } })
    }
  })

  it('is met by the selection itself, out of the state of a room', () => {
    for (const version of ROOM_VERSIONS.values()) {
      const state = usualState(version, [member(ALICE, 'invite', EVE)])
      for (const [, , draft] of SELECTIONS) {
        const event = makeEvent(version, draft)
        const authEvents = tuplesOf(version, draft).flatMap((key) => state.get(key) ?? [])
        expect(checkAuthEventSelection(version, event, authEvents)).toEqual({ allowed: true })
      }
    }
  })
})
