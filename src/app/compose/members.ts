import type { MemberAccounts } from '#domain'
import type { BuiltAccounts } from './accounts.ts'
import type { BuiltFederation } from './federation.ts'
import { type BuiltJoining, buildJoining } from './joining.ts'
import type { Personal } from './personal.ts'
import type { Incoming } from './receiving.ts'
import type { RoomsGround, RoomsNeeds } from './rooms.ts'

interface MembersGround {
  readonly federation: BuiltFederation
  readonly incoming: Incoming
  readonly accounts: BuiltAccounts
  readonly personal: Personal
}

/** The parts that rooms need of accounts, personal data and other servers. */
export const roomsNeeds = (
  ground: RoomsGround,
  { federation, incoming, ...people }: MembersGround,
  followers: RoomsNeeds<BuiltJoining>['followers'],
): RoomsNeeds<BuiltJoining> => {
  const accounts = memberAccounts(people.accounts, people.personal)
  const needs = { requests: federation.requests, acls: incoming.acls, checks: incoming.check }
  return {
    ...{ accounts, followers },
    joiningOf: (rooms, graph) => buildJoining(ground, rooms, accounts, { ...needs, graph }),
  }
}

const memberAccounts = ({ accounts, isActive }: BuiltAccounts, personal: Personal): MemberAccounts => ({
  profileOf: (userId) => personal.profiles.memberFields(userId),
  isGuest: async (userId) => (await accounts.account(userId))?.guest === true,
  exists: (userId) => isActive(userId),
  refusesInvite: (userId, from) => personal.refusesInvite(userId, from),
  speaksForServer: (userId) => userId === personal.speaker,
})
