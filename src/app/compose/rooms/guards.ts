import {
  BanLists,
  BlockedServers,
  EventRules,
  Newcomers,
  OperatorChecks,
  OwnPolicyServer,
  type RoomGuards,
} from '#domain'
import { CheckHooks } from '#net'
import type { RoomId } from '#spec'
import { writers } from '#store'
import type { Streams } from '#streams'
import type { Ground, OpenedGround } from '../ground/ground.ts'
import { noticesUser } from '../personal/personal.ts'
import { shadowIdsOf } from './moderation.ts'

/** The ground with the lists of bans and the blocked servers, all of which are in force once it resolves. */
export const withBans = async (opened: OpenedGround, streams: Streams): Promise<Ground> => {
  const { config, store, clock, logger } = opened
  const bans = new BanLists({
    ...{ rooms: store.rooms, reader: store.banLists, writer: writers.banLists, clock, logger },
    serverName: config.server.name,
    configured: config.abuse.banLists,
  })
  streams.onNews(bans)
  const blockedServers = new BlockedServers({
    ...{ reader: store.blockedServers, writer: writers.blockedServers, clock, logger },
    serverName: config.server.name,
  })
  await Promise.all([bans.start(), blockedServers.start()])
  return { ...opened, bans, blockedServers, checks: checksOf(opened), ownPolicyServer: policyServerOf(opened, bans) }
}

const policyServerOf = (
  { config, store, clock, policyKey: key, reloads }: OpenedGround,
  bans: BanLists,
): OwnPolicyServer | undefined => {
  if (!config.policyServer.enabled) return undefined
  let rules = new EventRules(config.policyServer)
  reloads.on((changed) => {
    rules = new EventRules(changed.policyServer)
  })
  const { accounts, rooms } = store
  return new OwnPolicyServer({ ...{ key, bans, accounts, rooms, clock }, rules: () => rules })
}

const checksOf = ({ config, clock, logger }: OpenedGround): OperatorChecks | undefined => {
  const { hookUrl: url, hookSecret: secret, hookDeeds: deeds, hookTimeout: timeoutMs, hookFailure } = config.abuse
  if (url === undefined || secret === undefined || deeds.length === 0) return undefined
  const hook = new CheckHooks({ clock, url, secret, timeoutMs, serverName: config.server.name })
  return new OperatorChecks({ hook, deeds, failClosed: hookFailure === 'deny', logger })
}

/** Builds what decides on joins, invites, rooms and messages of users here. The server's own notices are never stopped. */
export const buildGuards = (ground: Ground): RoomGuards => {
  const { config, store, clock, bans, checks } = ground
  const { newAccountAge: ageMs, newAccountInvites, newAccountMessages, newAccountRooms } = config.abuse
  const speaker = noticesUser(config)
  const newcomers = new Newcomers({
    ...{ accounts: store.accounts, writer: writers.newcomerCounts, commit: store.commit, clock, ageMs },
    rates: { invite: newAccountInvites, message: newAccountMessages, room: newAccountRooms },
  })
  const shadowIds = shadowIdsOf(ground)
  const isMessageMinded = checks?.checks('message') === true || (ageMs > 0 && newAccountMessages !== undefined)
  return {
    coming: async ({ roomId, sender, target, membership }) => {
      if (sender === speaker) return
      bans.mind(sender, roomId)
      if (membership !== 'invite') {
        await checks?.ask('join', () => ({ user_id: target, room_id: roomId, membership }))
        return
      }
      await newcomers.count(sender, 'invite')
      await checks?.ask('invite', () => ({ user_id: sender, target, room_id: roomId }))
    },
    creating: async ({ creator, invite, visibility, name = null, topic = null, aliasName = null }) => {
      if (creator === speaker) return
      bans.mind(creator, undefined)
      await newcomers.count(creator, 'room')
      await newcomers.count(creator, 'invite', invite.length)
      await checks?.ask('room', () => ({
        ...{ user_id: creator, visibility, name, topic, alias_name: aliasName, invite: [...invite] },
      }))
    },
    sending: isMessageMinded
      ? async (roomId: RoomId, { sender, type, content, transaction }) => {
          if (sender === speaker) return undefined
          await newcomers.count(sender, 'message')
          const verdict = await checks?.ask('message', () => ({ user_id: sender, room_id: roomId, type, content }))
          if (verdict !== 'shadow') return undefined
          return shadowIds.eventId(roomId, sender, JSON.stringify(transaction ?? content))
        }
      : undefined,
  }
}
