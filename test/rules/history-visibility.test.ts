import { describe, expect, test } from 'vitest'
import { historyVisibilityOf, maySeeEvent } from '#rules'
import type { HistoryVisibility, Membership, UserId } from '#spec'
import { roomEvent } from './support/events.ts'

const ALICE = '@alice:domain' as UserId
const BOB = '@bob:domain' as UserId

const VISIBILITIES = ['invited', 'joined', 'shared', 'world_readable'] as const
const MEMBERSHIPS = ['invite', 'join', 'knock', 'leave', 'ban', undefined] as const

type Given = readonly [HistoryVisibility, Membership | undefined, boolean]

const sees = (event: Parameters<typeof roomEvent>[0], [visibility, membership, joinedLater]: Given): boolean =>
  maySeeEvent(ALICE, roomEvent(event), { visibility, membership, joinedLater })

describe('an event of another', () => {
  const all = VISIBILITIES.flatMap((visibility) =>
    MEMBERSHIPS.flatMap((membership) => [false, true].map((later): Given => [visibility, membership, later])),
  )
  // The numbered rules of "Server behaviour", read as a table.
  const allowed = ([visibility, membership, later]: Given): boolean => {
    if (membership === 'join') return true
    switch (visibility) {
      case 'world_readable':
        return true
      case 'shared':
        return later
      case 'invited':
        return membership === 'invite'
      case 'joined':
        return false
    }
  }
  test.each(all)('%s, %s, joined later: %s', (...given) => {
    expect(sees({}, given)).toBe(allowed(given))
    expect(sees({ type: 'm.room.member', stateKey: BOB, content: { membership: 'join' } }, given)).toBe(allowed(given))
  })
})

describe('a change of the visibility is seen by whom the old or the new one allows', () => {
  const change = (to: unknown, stateKey: string | undefined = ''): Parameters<typeof roomEvent>[0] => ({
    type: 'm.room.history_visibility',
    stateKey,
    content: to === undefined ? {} : { history_visibility: to as string },
  })
  test.each([
    ['world_readable', 'joined', undefined, false, true],
    ['joined', 'world_readable', undefined, false, true],
    ['joined', 'invited', 'invite', false, true],
    ['invited', 'joined', 'invite', false, true],
    ['joined', 'shared', 'leave', true, true],
    ['joined', 'shared', 'leave', false, false],
    ['joined', 'nonsense', undefined, true, true],
    ['joined', 'invited', 'leave', true, false],
  ] as const)('%s to %s, membership %s, joined later %s: %s', (before, after, membership, later, expected) => {
    expect(sees(change(after), [before, membership, later])).toBe(expected)
  })
  test('an event of that type which is not the state changes nothing', () => {
    expect(sees(change('world_readable', 'x'), ['joined', undefined, false])).toBe(false)
    expect(sees({ ...change('world_readable'), stateKey: undefined }, ['joined', undefined, false])).toBe(false)
  })
})

describe("a change of one's own membership is seen by the old or the new one", () => {
  const change = (to: unknown): Parameters<typeof roomEvent>[0] => ({
    type: 'm.room.member',
    stateKey: ALICE,
    content: { membership: to as string },
  })
  test.each([
    ['joined', undefined, 'join', true],
    ['joined', 'join', 'leave', true],
    ['joined', 'join', 'ban', true],
    ['joined', 'invite', 'leave', false],
    ['joined', undefined, 'invite', false],
    ['invited', undefined, 'invite', true],
    ['invited', 'invite', 'leave', true],
    ['invited', 'leave', 'knock', false],
    ['shared', undefined, 'invite', false],
    ['world_readable', undefined, 'ban', true],
    ['joined', undefined, 7, false],
  ] as const)('%s: %s to %s', (visibility, before, after, expected) => {
    expect(sees(change(after), [visibility, before, false])).toBe(expected)
  })
})

test('a visibility that is missing or not understood is `shared`', () => {
  for (const visibility of VISIBILITIES)
    expect(historyVisibilityOf({ history_visibility: visibility })).toBe(visibility)
  for (const content of [undefined, {}, { history_visibility: 'public' }, { history_visibility: 1 }]) {
    expect(historyVisibilityOf(content)).toBe('shared')
  }
})
