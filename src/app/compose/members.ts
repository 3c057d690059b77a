import type { Bans, MemberAccounts } from '#domain'
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
  readonly appServices: Pick<BuiltAppServices, 'queries' | 'services'>
}

/** The parts that rooms need of accounts, personal data and other servers. */
export const roomsNeeds = (
  ground: RoomsGround,
  { federation, incoming, ...people }: MembersGround,
  followers: RoomsNeeds<BuiltJoining>['followers'],
): RoomsNeeds<BuiltJoining> => {
  const accounts = memberAccounts(people, ground.bans)
  const needs = { requests: federation.requests, acls: incoming.acls, checks: incoming.check }
  return {
    ...{ accounts, followers },
    joiningOf: (rooms, graph) => buildJoining(ground, rooms, accounts, { ...needs, graph }),
  }
}

const memberAccounts = (
  {
    accounts: { accounts, isActive },
    personal,
    appServices,
  }: Pick<MembersGround, 'accounts' | 'personal' | 'appServices'>,
  bans: Pick<Bans, 'bansUser'>,
): MemberAccounts => ({
  profileOf: (userId) => personal.profiles.memberFields(userId),
  isGuest: async (userId) => (await accounts.account(userId))?.guest === true,
  exists: async (userId) => {
    if (await isActive(userId)) return true
    const { queries, services } = appServices
    // A service may make its user when it is asked, and many do only when the invite reaches them.
    if ((await accounts.account(userId)) !== undefined) return false
    return ((await queries.makeUser(userId)) && (await isActive(userId))) || services.isToMake(userId)
  },
  refusesInvite: async (userId, from) => bans.bansUser(from) || personal.refusesInvite(userId, from),
  speaksForServer: (userId) => userId === personal.speaker,
})
