import type { JsonObject } from '#spec'
import type { AuthCase, Draft } from './auth-room.ts'
import { ALICE, BOB, EVE, MOD, member, powerLevels, usualCreate } from './auth-room.ts'

const create = (content: JsonObject, more: Partial<Draft> = {}): Draft => ({
  type: 'm.room.create',
  stateKey: '',
  sender: ALICE,
  content,
  eventId: '$create',
  prevEvents: [],
  ...more,
})
const message = (sender: string): Draft => ({ type: 'm.room.message', sender, content: { body: 'hello' } })
const state = (type: string, sender: string, stateKey = '', content: JsonObject = {}): Draft => ({
  type,
  stateKey,
  sender,
  content,
})
const closed: readonly Draft[] = [create({ creator: ALICE, 'm.federate': false })]

const creates: readonly AuthCase[] = [
  { name: 'the create event', versions: '1-12', event: usualCreate, expect: 'allowed' },
  {
    name: 'a create event that is not the first',
    versions: '1-12',
    event: (version) => ({ ...usualCreate(version), prevEvents: ['$other:a.example'] }),
    expect: 'create-has-prev-events',
  },
  {
    name: "a create event from another server than the room id's",
    versions: '1-11',
    event: (version) => ({ ...usualCreate(version), sender: BOB }),
    expect: 'create-room-id-mismatch',
  },
  {
    name: 'a create event with a room id that is not its own',
    versions: '12',
    event: (version) => ({ ...usualCreate(version), roomId: '!room:a.example' }),
    expect: 'create-room-id-mismatch',
    fields: { roomId: '!room:a.example' },
  },
  ...['99', 6, null].map(
    (roomVersion): AuthCase => ({
      name: `room version ${JSON.stringify(roomVersion)}`,
      versions: '1-12',
      event: create({ creator: ALICE, room_version: roomVersion }),
      expect: 'create-room-version-unknown',
    }),
  ),
  {
    name: 'a create event without creator',
    versions: '1-10',
    event: create({}),
    expect: 'create-without-creator',
  },
  { name: 'a create event without content', versions: '11-12', event: create({}), expect: 'allowed' },
  {
    name: 'additional creators',
    versions: '12',
    event: create({ additional_creators: [BOB, EVE] }),
    expect: 'allowed',
  },
  ...[BOB, [BOB, 'eve'], [BOB, 1], null, { [BOB]: 1 }].map(
    (creators): AuthCase => ({
      name: `additional creators ${JSON.stringify(creators)}`,
      versions: '12',
      event: create({ additional_creators: creators }),
      expect: 'create-additional-creators-malformed',
    }),
  ),
  {
    name: 'malformed additional creators where they mean nothing',
    versions: '1-11',
    event: create({ creator: ALICE, additional_creators: 'x' }),
    expect: 'allowed',
  },
]

const rooms: readonly AuthCase[] = [
  {
    name: 'a room without create event',
    versions: '1-12',
    without: ['m.room.create|'],
    event: message(BOB),
    expect: 'no-create-event',
  },
  {
    name: 'a room id that is not the create event',
    versions: '12',
    event: { ...message(BOB), roomId: '!other' },
    expect: 'room-id-not-from-create',
  },
  {
    name: 'a rejected create event',
    versions: '12',
    state: [create({}, { rejected: true })],
    event: message(BOB),
    expect: 'create-rejected',
  },
  {
    name: 'a room closed to other servers, from inside',
    versions: '1-12',
    state: closed,
    event: message(MOD),
    expect: 'allowed',
  },
  {
    name: 'a room closed to other servers, from outside',
    versions: '1-12',
    state: closed,
    event: message(BOB),
    expect: 'not-federated',
    fields: { server: 'b.example' },
  },
]

const aliases: readonly AuthCase[] = [
  {
    name: "a server's own aliases, set by no member",
    versions: '1-5',
    event: state('m.room.aliases', EVE, 'e.example'),
    expect: 'allowed',
  },
  {
    name: "another server's aliases",
    versions: '1-5',
    event: state('m.room.aliases', ALICE, 'b.example'),
    expect: 'aliases-of-other-server',
  },
  {
    name: 'aliases without state key',
    versions: '1-5',
    event: { type: 'm.room.aliases', sender: ALICE },
    expect: 'aliases-without-state-key',
  },
  {
    name: 'aliases like any other state',
    versions: '6-12',
    event: state('m.room.aliases', ALICE, 'b.example'),
    expect: 'allowed',
  },
  {
    name: 'aliases from no member',
    versions: '6-12',
    event: state('m.room.aliases', EVE, 'e.example'),
    expect: 'sender-not-joined',
  },
]

const sending: readonly AuthCase[] = [
  { name: 'a message of a member', versions: '1-12', event: message(BOB), expect: 'allowed' },
  {
    name: 'a message from outside',
    versions: '1-12',
    event: message(EVE),
    expect: 'sender-not-joined',
    fields: { membership: undefined },
  },
  {
    name: 'a message of an invited user',
    versions: '1-12',
    state: [member(BOB, 'invite', EVE)],
    event: message(EVE),
    expect: 'sender-not-joined',
    fields: { membership: 'invite' },
  },
  {
    name: 'a message where that takes power',
    versions: '1-12',
    state: [powerLevels({ events_default: 10 })],
    event: message(BOB),
    expect: 'power-too-low',
    fields: { action: 'send', required: 10, actual: 0 },
  },
  {
    name: 'state of a member without power',
    versions: '1-12',
    event: state('m.room.topic', BOB),
    expect: 'power-too-low',
    fields: { action: 'send', required: 50, actual: 0 },
  },
  { name: 'state of a moderator', versions: '1-12', event: state('m.room.topic', MOD), expect: 'allowed' },
  {
    name: 'a type with a level of its own',
    versions: '1-12',
    state: [powerLevels({ events: { 'm.room.topic': 0 } })],
    event: state('m.room.topic', BOB),
    expect: 'allowed',
  },
  {
    name: 'state of the creator where there are no power levels',
    versions: '1-12',
    without: ['m.room.power_levels|'],
    event: state('m.room.topic', ALICE),
    expect: 'allowed',
  },
  {
    name: 'state of a member where there are no power levels',
    versions: '1-12',
    without: ['m.room.power_levels|'],
    event: state('m.room.topic', MOD),
    expect: 'power-too-low',
  },
  {
    name: 'any event type of a creator',
    versions: '12',
    state: [powerLevels({ events: { 'm.room.topic': 9007199254740991 } })],
    event: state('m.room.topic', ALICE),
    expect: 'allowed',
  },
  {
    name: "state under one's own user id",
    versions: '1-12',
    event: state('org.example.profile', MOD, MOD),
    expect: 'allowed',
  },
  {
    name: "state under another's user id",
    versions: '1-12',
    event: state('org.example.profile', ALICE, MOD),
    expect: 'state-key-of-other-user',
  },
  {
    name: 'a third-party invite',
    versions: '1-12',
    event: state('m.room.third_party_invite', BOB, 'token'),
    expect: 'allowed',
  },
  {
    name: 'a third-party invite where inviting takes power',
    versions: '1-12',
    state: [powerLevels({ invite: 20, events: { 'm.room.third_party_invite': 0 } })],
    event: state('m.room.third_party_invite', BOB, 'token'),
    expect: 'power-too-low',
    fields: { action: 'invite', required: 20 },
  },
]

const redaction = (sender: string, eventId: string, redacts?: string): Draft => ({
  type: 'm.room.redaction',
  sender,
  eventId,
  ...(redacts === undefined ? {} : { redacts }),
})

const redactions: readonly AuthCase[] = [
  {
    name: "a redaction of the own server's event",
    versions: '1-2',
    event: redaction(BOB, '$r:b.example', '$e:b.example'),
    expect: 'allowed',
  },
  {
    name: "a redaction of another server's event",
    versions: '1-2',
    event: redaction(BOB, '$r:b.example', '$e:a.example'),
    expect: 'power-too-low',
    fields: { action: 'redact', required: 50, actual: 0 },
  },
  {
    name: 'a redaction of nothing',
    versions: '1-2',
    event: redaction(BOB, '$r:b.example'),
    expect: 'power-too-low',
  },
  {
    name: 'a redaction by a moderator',
    versions: '1-2',
    event: redaction(MOD, '$r:a.example', '$e:b.example'),
    expect: 'allowed',
  },
  {
    name: 'any redaction, to be judged when it is applied',
    versions: '3-12',
    event: redaction(BOB, '$r', '$e'),
    expect: 'allowed',
  },
  {
    name: 'a redaction where sending one takes power',
    versions: '1-12',
    state: [powerLevels({ events: { 'm.room.redaction': 1 } })],
    event: redaction(BOB, '$r:b.example', '$e:b.example'),
    expect: 'power-too-low',
    fields: { action: 'send' },
  },
]

export const ROOM_CASES: readonly AuthCase[] = [...creates, ...rooms, ...aliases, ...sending, ...redactions]
