import { KeyedLock } from '#base'
import { creatorsOf } from '#rules'
import type { EventId, JsonObject, Membership, RoomId, UserId } from '#spec'
import type { Dice } from '../crash/dice.ts'
import type { Replay, ReplayedRoom } from './replay.ts'
import { keyOf } from './replay.ts'
import type { ServerProcess } from './server-process.ts'
import type { SyncingClient } from './syncing-client.ts'

/** One request that changes something. */
export interface Operation {
  readonly text: string
  /** The events it makes carry this, where it makes any of its own. */
  readonly mark: string | undefined
  /** The same for all requests that repeat one. */
  readonly transaction: string | undefined
  readonly roomId: RoomId | undefined
  /** Answers the id of the event it made, where it makes one. */
  run(process: ServerProcess): Promise<EventId | undefined>
}

export interface Choice {
  readonly dice: Dice
  readonly replay: Replay
  readonly clients: readonly SyncingClient[]
  /** Unique in a run. */
  readonly number: number
}

type Make = (choice: Choice, client: SyncingClient, room: ReplayedRoom) => Operation

const VERSIONS = ['1', '3', '6', '8', '10', '11', '12']

export const createRoom = ({ dice, number, replay }: Choice, client: SyncingClient): Operation => {
  const preset = dice.pick(['private_chat', 'public_chat', 'public_chat', 'trusted_private_chat'] as const)
  const version = dice.pick(VERSIONS)
  const request = {
    creator: client.userId,
    visibility: 'private' as const,
    preset,
    name: replay.rooms.size === 0 ? undefined : `room ${number}`,
    invite: [],
    initialState: dice.chance(0.3) ? [historyState(dice)] : [],
    powerLevelOverride: dice.chance(0.5) ? { events_default: 0, state_default: 0, invite: 0 } : {},
    creationContent: {},
    version,
    isDirect: false,
    aliasTold: false,
  }
  return {
    text: `${client.name} creates a room of version ${version}, ${preset}`,
    mark: undefined,
    transaction: undefined,
    roomId: undefined,
    run: async ({ rooms }) => {
      await rooms.creation.create(request)
      return undefined
    },
  }
}

/** A message. `id` as a client gives it: the same again is the same request. */
export const message = (client: SyncingClient, room: ReplayedRoom, id: string): Operation => ({
  text: `${client.name} sends ${id} to ${room.room}`,
  mark: id,
  transaction: `${client.device} ${id}`,
  roomId: room.roomId,
  run: ({ rooms }) =>
    rooms.sending.message(room.roomId, {
      type: 'm.room.message',
      sender: client.userId,
      content: { msgtype: 'm.text', body: id },
      transaction: { device: client.device, scope: 'send', id },
    }),
})

const state = (
  client: SyncingClient,
  room: ReplayedRoom,
  type: string,
  content: JsonObject,
  mark: string | undefined,
): Operation => ({
  text: `${client.name} sets ${type} of ${room.room} to ${JSON.stringify(content)}`,
  mark,
  transaction: undefined,
  roomId: room.roomId,
  run: ({ rooms }) => rooms.sending.state(room.roomId, { type, stateKey: '', sender: client.userId, content }),
})

const topic: Make = ({ number }, client, room) =>
  state(client, room, 'm.room.topic', { topic: `m${number}` }, `m${number}`)

const historyState = (dice: Dice): { type: string; stateKey: string; content: JsonObject } => ({
  type: 'm.room.history_visibility',
  stateKey: '',
  content: { history_visibility: dice.pick(['joined', 'invited', 'shared', 'world_readable']) },
})

const history: Make = ({ dice }, client, room) => {
  const { type, content } = historyState(dice)
  return state(client, room, type, content, undefined)
}

const joinRules: Make = ({ dice, replay }, client, room) => {
  const allowed = dice.pick([...replay.rooms.keys()])
  const allow = [{ type: 'm.room_membership', room_id: allowed }]
  const rule = dice.pick(['public', 'public', 'invite', 'knock', 'restricted', 'knock_restricted'])
  const content = rule.includes('restricted') ? { join_rule: rule, allow } : { join_rule: rule }
  return state(client, room, 'm.room.join_rules', content, undefined)
}

const powerLevels: Make = ({ dice, clients }, client, room) => {
  const current = room.state.get(keyOf('m.room.power_levels', ''))?.content ?? {}
  const users = { ...(current.users as JsonObject | undefined) }
  const [user, power] = [dice.pick(clients).userId, dice.pick([0, 50, 100])]
  const create = room.state.get(keyOf('m.room.create', ''))
  // The power of a creator cannot be set in version 12.
  const above = room.version.auth.privilegedCreators && create !== undefined ? creatorsOf(room.version, create) : []
  if (!above.includes(user)) users[user] = power
  const content = { ...current, users, events_default: dice.pick([0, 0, 0, 50]), ban: dice.pick([0, 50]) }
  return state(client, room, 'm.room.power_levels', content, undefined)
}

const membership =
  (as: Membership, ofOther: boolean): Make =>
  ({ dice, clients, number }, client, room) => {
    const target = ofOther ? dice.pick(clients) : client
    return {
      text: `${client.name} asks for ${as} of ${target.name} in ${room.room}`,
      mark: undefined,
      transaction: undefined,
      roomId: room.roomId,
      run: ({ rooms }) =>
        rooms.memberships.change({
          roomId: room.roomId,
          sender: client.userId,
          target: target.userId,
          membership: as,
          content: dice.chance(0.2) ? { reason: `m${number}` } : {},
        }),
    }
  }

export const join = (client: SyncingClient, room: ReplayedRoom): Operation => ({
  text: `${client.name} joins ${room.room}`,
  mark: undefined,
  transaction: undefined,
  roomId: room.roomId,
  run: ({ rooms }) =>
    rooms.memberships.change({
      roomId: room.roomId,
      sender: client.userId,
      target: client.userId,
      membership: 'join',
      content: {},
    }),
})

const kickOrUnban: Make = ({ dice, clients }, client, room) => {
  const target = dice.pick(clients)
  const way = dice.pick(['kick', 'unban'] as const)
  return {
    text: `${client.name} asks for ${way} of ${target.name} in ${room.room}`,
    mark: undefined,
    transaction: undefined,
    roomId: room.roomId,
    run: ({ rooms }) =>
      rooms.memberships[way]({ roomId: room.roomId, sender: client.userId, target: target.userId, content: {} }),
  }
}

const redaction: Make = ({ dice, replay, number }, client, room) => {
  const from = dice.chance(0.1) ? dice.pick([...replay.rooms.values()]) : room
  const target = dice.pick(from.events.filter(({ event }) => event.type !== 'm.room.power_levels')).event.eventId
  const id = `m${number}`
  const transaction = { device: client.device, scope: 'redact', id }
  return {
    text: `${client.name} redacts ${target} in ${room.room}`,
    mark: undefined,
    transaction: `${client.device} ${id}`,
    roomId: room.roomId,
    run: ({ rooms }) => rooms.sending.redact(room.roomId, client.userId, target, { reason: id }, transaction),
  }
}

export const receipt: Make = ({ dice }, client, room) => {
  const { eventId } = dice.pick(room.events).event
  const upTo = dice.pick([{ read: eventId }, { readPrivate: eventId }, { read: eventId, fullyRead: eventId }])
  return {
    text: `${client.name} reads ${room.room} up to ${eventId}`,
    mark: undefined,
    transaction: undefined,
    roomId: undefined,
    run: async ({ personal }) => {
      const { receipts } = personal.api({ hurry: () => {} }, new KeyedLock())
      await receipts.move(room.roomId, { user: client.user, userId: client.userId as UserId }, upTo)
      return undefined
    },
  }
}

const say: Make = ({ number }, client, room) => message(client, room, `m${number}`)

const MAKERS: readonly (readonly [number, Make])[] = [
  [30, say],
  [6, topic],
  [3, history],
  [6, joinRules],
  [6, powerLevels],
  [20, membership('join', false)],
  [5, membership('leave', false)],
  [7, membership('invite', true)],
  [5, membership('ban', true)],
  [3, membership('knock', false)],
  [6, kickOrUnban],
  [6, redaction],
  [6, receipt],
]
const TOTAL = MAKERS.reduce((sum, [weight]) => sum + weight, 0)

/** Something that a client may ask for in a room; whether it is allowed is found out by asking. */
export const anyOperation = (choice: Choice, client: SyncingClient, room: ReplayedRoom): Operation => {
  let at = choice.dice.between(1, TOTAL)
  for (const [weight, make] of MAKERS) {
    at -= weight
    if (at <= 0) return make(choice, client, room)
  }
  return say(choice, client, room)
}
