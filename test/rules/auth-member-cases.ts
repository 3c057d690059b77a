import type { AuthCase, Draft } from './auth-room.ts'
import { ALICE, BOB, EVE, joinRules, MOD, member, powerLevels } from './auth-room.ts'

const vouched = (authoriser: string): Draft =>
  member(EVE, 'join', EVE, { join_authorised_via_users_server: authoriser })
const firstJoin = (sender: string, target = sender): Draft => ({
  ...member(sender, 'join', target),
  prevEvents: ['$create'],
})
const levels = (content: Draft['content']): readonly Draft[] => [powerLevels({ users: { [MOD]: 50 }, ...content })]

const form: readonly AuthCase[] = [
  {
    name: 'a member event without state key',
    versions: '1-12',
    event: { type: 'm.room.member', sender: BOB, content: { membership: 'join' } },
    expect: 'member-malformed',
  },
  {
    name: 'a member event without membership',
    versions: '1-12',
    event: { type: 'm.room.member', stateKey: BOB, sender: BOB },
    expect: 'member-malformed',
  },
  {
    name: 'a membership that is no string',
    versions: '1-12',
    event: { type: 'm.room.member', stateKey: BOB, sender: BOB, content: { membership: 1 } },
    expect: 'member-malformed',
  },
  { name: 'an unknown membership', versions: '1-12', event: member(BOB, 'wave'), expect: 'membership-unknown' },
  {
    name: 'an authorising user that is no user id',
    versions: '8-12',
    event: vouched('bob'),
    expect: 'authorising-user-malformed',
  },
  {
    name: 'an authorising user that is no user id, where it means nothing',
    versions: '1-7',
    state: [joinRules('public')],
    event: vouched('bob'),
    expect: 'allowed',
  },
]

const joins: readonly AuthCase[] = [
  {
    name: "the creator's first join",
    versions: '1-12',
    without: [`m.room.member|${ALICE}`, 'm.room.power_levels|', 'm.room.join_rules|'],
    event: firstJoin(ALICE),
    expect: 'allowed',
  },
  {
    name: "someone else's first join",
    versions: '1-12',
    without: ['m.room.power_levels|', 'm.room.join_rules|'],
    event: firstJoin(EVE),
    expect: 'join-not-invited',
  },
  {
    name: "the creator's join with a second previous event",
    versions: '1-12',
    without: [`m.room.member|${ALICE}`],
    event: { ...member(ALICE, 'join'), prevEvents: ['$create', '$before:a.example'] },
    expect: 'join-not-invited',
  },
  {
    name: "an additional creator's first join",
    versions: '12',
    state: [
      {
        type: 'm.room.create',
        stateKey: '',
        sender: ALICE,
        content: { additional_creators: [EVE] },
        eventId: '$create',
      },
    ],
    event: firstJoin(EVE),
    expect: 'join-not-invited',
  },
  {
    name: 'a join for another user',
    versions: '1-12',
    state: [joinRules('public')],
    event: member(BOB, 'join', EVE),
    expect: 'join-for-other',
  },
  {
    name: 'a banned user',
    versions: '1-12',
    state: [joinRules('public'), member(ALICE, 'ban', EVE)],
    event: member(EVE, 'join'),
    expect: 'join-banned',
  },
  {
    name: 'joining a public room',
    versions: '1-12',
    state: [joinRules('public')],
    event: member(EVE, 'join'),
    expect: 'allowed',
  },
  {
    name: 'joining by invite',
    versions: '1-12',
    state: [member(BOB, 'invite', EVE)],
    event: member(EVE, 'join'),
    expect: 'allowed',
  },
  { name: 'changing the profile', versions: '1-12', event: member(BOB, 'join'), expect: 'allowed' },
  { name: 'joining without invite', versions: '1-12', event: member(EVE, 'join'), expect: 'join-not-invited' },
  {
    name: 'joining without invite or join rules',
    versions: '1-12',
    without: ['m.room.join_rules|'],
    event: member(EVE, 'join'),
    expect: 'join-not-invited',
    fields: { joinRule: 'invite' },
  },
  {
    name: 'joining a private room, even when invited',
    versions: '1-12',
    state: [joinRules('private'), member(BOB, 'invite', EVE)],
    event: member(EVE, 'join'),
    expect: 'join-rule-forbids-join',
  },
  {
    name: 'joining by invite a room one may knock on',
    versions: '7-12',
    state: [joinRules('knock'), member(BOB, 'invite', EVE)],
    event: member(EVE, 'join'),
    expect: 'allowed',
  },
  {
    name: 'joining by invite a room whose join rule is not known yet',
    versions: '1-6',
    state: [joinRules('knock'), member(BOB, 'invite', EVE)],
    event: member(EVE, 'join'),
    expect: 'join-rule-forbids-join',
  },
  {
    name: 'joining after a knock',
    versions: '7-12',
    state: [joinRules('knock'), member(EVE, 'knock')],
    event: member(EVE, 'join'),
    expect: 'join-not-invited',
  },
]

const restricted = (joinRule: string, versions: string): readonly AuthCase[] => [
  {
    name: `${joinRule}: invited`,
    versions,
    state: [joinRules(joinRule), member(BOB, 'invite', EVE)],
    event: member(EVE, 'join'),
    expect: 'allowed',
  },
  {
    name: `${joinRule}: nobody vouches`,
    versions,
    state: [joinRules(joinRule)],
    event: member(EVE, 'join'),
    expect: 'join-without-authorising-user',
  },
  {
    name: `${joinRule}: a member vouches`,
    versions,
    state: [joinRules(joinRule)],
    event: vouched(BOB),
    expect: 'allowed',
  },
  {
    name: `${joinRule}: a banned user, though a member vouches`,
    versions,
    state: [joinRules(joinRule), member(ALICE, 'ban', EVE)],
    event: vouched(BOB),
    expect: 'join-banned',
  },
  {
    name: `${joinRule}: someone who left vouches`,
    versions,
    state: [joinRules(joinRule), member(BOB, 'leave')],
    event: vouched(BOB),
    expect: 'join-authorising-user-not-joined',
    fields: { userId: BOB },
  },
  {
    name: `${joinRule}: a member vouches who may not invite`,
    versions,
    state: [joinRules(joinRule), ...levels({ invite: 50 })],
    event: vouched(BOB),
    expect: 'join-authorising-user-lacks-power',
    fields: { userId: BOB },
  },
  {
    name: `${joinRule}: a moderator vouches where only they may invite`,
    versions,
    state: [joinRules(joinRule), ...levels({ invite: 50 })],
    event: vouched(MOD),
    expect: 'allowed',
  },
]

const restrictedBefore: readonly AuthCase[] = [
  {
    name: 'restricted, before it is known',
    versions: '1-7',
    state: [joinRules('restricted')],
    event: vouched(BOB),
    expect: 'join-rule-forbids-join',
  },
  {
    name: 'knock_restricted, before it is known',
    versions: '1-9',
    state: [joinRules('knock_restricted')],
    event: vouched(BOB),
    expect: 'join-rule-forbids-join',
  },
]

const invites: readonly AuthCase[] = [
  { name: 'a member invites', versions: '1-12', event: member(BOB, 'invite', EVE), expect: 'allowed' },
  {
    name: 'someone outside invites',
    versions: '1-12',
    event: member(EVE, 'invite', '@friend:e.example'),
    expect: 'sender-not-joined',
  },
  {
    name: 'a member invites a member',
    versions: '1-12',
    event: member(BOB, 'invite', MOD),
    expect: 'invite-target-joined',
  },
  {
    name: 'a member invites a banned user',
    versions: '1-12',
    state: [member(ALICE, 'ban', EVE)],
    event: member(BOB, 'invite', EVE),
    expect: 'invite-target-banned',
  },
  {
    name: 'a member invites a user who knocked',
    versions: '7-12',
    state: [joinRules('knock'), member(EVE, 'knock')],
    event: member(BOB, 'invite', EVE),
    expect: 'allowed',
  },
  {
    name: 'a member invites where it takes power',
    versions: '1-12',
    state: levels({ invite: 50 }),
    event: member(BOB, 'invite', EVE),
    expect: 'power-too-low',
    fields: { action: 'invite', required: 50, actual: 0 },
  },
]

const leaves: readonly AuthCase[] = [
  { name: 'leaving', versions: '1-12', event: member(BOB, 'leave'), expect: 'allowed' },
  {
    name: 'declining an invite',
    versions: '1-12',
    state: [member(BOB, 'invite', EVE)],
    event: member(EVE, 'leave'),
    expect: 'allowed',
  },
  {
    name: 'withdrawing a knock',
    versions: '7-12',
    state: [member(EVE, 'knock')],
    event: member(EVE, 'leave'),
    expect: 'allowed',
  },
  {
    name: 'leaving when a knock means nothing',
    versions: '1-6',
    state: [member(EVE, 'knock')],
    event: member(EVE, 'leave'),
    expect: 'leave-without-membership',
  },
  {
    name: 'leaving from outside',
    versions: '1-12',
    event: member(EVE, 'leave'),
    expect: 'leave-without-membership',
    fields: { membership: undefined },
  },
  {
    name: 'lifting the ban on oneself',
    versions: '1-12',
    state: [member(ALICE, 'ban', EVE)],
    event: member(EVE, 'leave'),
    expect: 'leave-without-membership',
    fields: { membership: 'ban' },
  },
  {
    name: 'kicking from outside',
    versions: '1-12',
    event: member(EVE, 'leave', BOB),
    expect: 'sender-not-joined',
  },
  { name: 'a moderator kicks', versions: '1-12', event: member(MOD, 'leave', BOB), expect: 'allowed' },
  {
    name: 'a member without power kicks',
    versions: '1-12',
    event: member(BOB, 'leave', EVE),
    expect: 'power-too-low',
    fields: { action: 'kick', required: 50, actual: 0 },
  },
  {
    name: 'a moderator kicks who has more power',
    versions: '1-12',
    event: member(MOD, 'leave', ALICE),
    expect: 'target-power-not-lower',
    fields: { action: 'kick' },
  },
  {
    name: 'a moderator kicks who has the same power',
    versions: '1-12',
    state: levels({ users: { [MOD]: 50, [BOB]: 50 } }),
    event: member(MOD, 'leave', BOB),
    expect: 'target-power-not-lower',
  },
  {
    name: 'a moderator lifts a ban',
    versions: '1-12',
    state: [member(ALICE, 'ban', EVE)],
    event: member(MOD, 'leave', EVE),
    expect: 'allowed',
  },
  {
    name: 'a moderator lifts a ban where that takes more',
    versions: '1-12',
    state: [member(ALICE, 'ban', EVE), ...levels({ ban: 60 })],
    event: member(MOD, 'leave', EVE),
    expect: 'power-too-low',
    fields: { action: 'unban', required: 60, actual: 50 },
  },
]

const bans: readonly AuthCase[] = [
  { name: 'a moderator bans', versions: '1-12', event: member(MOD, 'ban', BOB), expect: 'allowed' },
  {
    name: 'banning from outside',
    versions: '1-12',
    event: member(EVE, 'ban', BOB),
    expect: 'sender-not-joined',
  },
  {
    name: 'a member without power bans',
    versions: '1-12',
    event: member(BOB, 'ban', EVE),
    expect: 'power-too-low',
    fields: { action: 'ban', required: 50, actual: 0 },
  },
  {
    name: 'a moderator bans who has more power',
    versions: '1-12',
    event: member(MOD, 'ban', ALICE),
    expect: 'target-power-not-lower',
    fields: { action: 'ban' },
  },
  {
    name: 'one creator bans another',
    versions: '12',
    state: [
      {
        type: 'm.room.create',
        stateKey: '',
        sender: ALICE,
        content: { additional_creators: [BOB] },
        eventId: '$create',
      },
    ],
    event: member(ALICE, 'ban', BOB),
    expect: 'target-power-not-lower',
  },
]

const knocks: readonly AuthCase[] = [
  {
    name: 'knocking',
    versions: '7-12',
    state: [joinRules('knock')],
    event: member(EVE, 'knock'),
    expect: 'allowed',
  },
  {
    name: 'knocking before it is known',
    versions: '1-6',
    state: [joinRules('knock')],
    event: member(EVE, 'knock'),
    expect: 'membership-unknown',
  },
  {
    name: 'knocking again',
    versions: '7-12',
    state: [joinRules('knock'), member(EVE, 'knock')],
    event: member(EVE, 'knock'),
    expect: 'allowed',
  },
  {
    name: 'knocking where joins are knock_restricted',
    versions: '10-12',
    state: [joinRules('knock_restricted')],
    event: member(EVE, 'knock'),
    expect: 'allowed',
  },
  {
    name: 'knocking where joins are knock_restricted, before that is known',
    versions: '7-9',
    state: [joinRules('knock_restricted')],
    event: member(EVE, 'knock'),
    expect: 'join-rule-forbids-knock',
  },
  {
    name: 'knocking on an invite-only room',
    versions: '7-12',
    event: member(EVE, 'knock'),
    expect: 'join-rule-forbids-knock',
  },
  {
    name: 'knocking for another user',
    versions: '7-12',
    state: [joinRules('knock')],
    event: member(BOB, 'knock', EVE),
    expect: 'knock-for-other',
  },
  ...['ban', 'invite', 'join'].map(
    (membership): AuthCase => ({
      name: `knocking with membership ${membership}`,
      versions: '7-12',
      state: [joinRules('knock'), member(membership === 'join' ? EVE : ALICE, membership, EVE)],
      event: member(EVE, 'knock'),
      expect: 'knock-not-possible',
      fields: { membership },
    }),
  ),
]

export const MEMBER_CASES: readonly AuthCase[] = [
  ...form,
  ...joins,
  ...restricted('restricted', '8-12'),
  ...restricted('knock_restricted', '10-12'),
  ...restrictedBefore,
  ...invites,
  ...leaves,
  ...bans,
  ...knocks,
]
