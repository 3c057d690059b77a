import type { Bans, MemberAccounts } from '#domain'
import type { UserId } from '#spec'
import type { BuiltAccounts } from './accounts/accounts.ts'
import type { BuiltFederation } from './federation/federation.ts'
import type { Incoming } from './federation/receiving.ts'
import type { BuiltAppServices } from './outbox/appservices.ts'
import type { Personal } from './personal/personal.ts'
import { type BuiltJoining, buildJoining } from './rooms/joining.ts'
import type { RoomsGround, RoomsNeeds } from './rooms/rooms.ts'

interface MembersGround {
  readonly federation: BuiltFederation
  readonly incoming: Incoming
  readonly accounts: BuiltAccounts
  readonly personal: Personal
  readonly appServices: Pick<BuiltAppServices, 'queries'>
}

/** The parts that rooms need of accounts, personal data and other servers. */
export const roomsNeeds = (
  ground: RoomsGround,
  { federation, incoming, ...people }: MembersGround,
  followers: RoomsNeeds<BuiltJoining>['followers'],
): RoomsNeeds<BuiltJoining> => {
  const makeUser = (userId: UserId) => people.appServices.queries.makeUser(userId)
  const accounts = memberAccounts(people.accounts, people.personal, { makeUser, bans: ground.bans })
  const needs = { requests: federation.requests, acls: incoming.acls, checks: incoming.check }
  return {
    ...{ accounts, followers },
    joiningOf: (rooms, graph) => buildJoining(ground, rooms, accounts, { ...needs, graph }),
  }
}

const memberAccounts = (
  { accounts, isActive }: BuiltAccounts,
  personal: Personal,
  { makeUser, bans }: { makeUser(userId: UserId): Promise<boolean>; readonly bans: Pick<Bans, 'bansUser'> },
): MemberAccounts => ({
  profileOf: (userId) => personal.profiles.memberFields(userId),
  isGuest: async (userId) => (await accounts.account(userId))?.guest === true,
  // A service may make its user when it hears of them.
  exists: async (userId) => (await isActive(userId)) || ((await makeUser(userId)) && (await isActive(userId))),
  refusesInvite: async (userId, from) => bans.bansUser(from) || personal.refusesInvite(userId, from),
  speaksForServer: (userId) => userId === personal.speaker,
})
