import type { JsonObject, JsonValue } from '#spec'
import type { AuthCase } from './auth-room.ts'
import { ALICE, BOB, EVE, MOD, powerLevels, usualLevels } from './auth-room.ts'

/** A moderator may change power levels here, within what 50 allows. */
const before = (more: JsonObject = {}): JsonObject => ({
  users: { [MOD]: 50 },
  events: { 'm.room.power_levels': 50 },
  ...more,
})
const by = (sender: string, content: JsonObject) => powerLevels(content, sender)

const FIELDS: readonly (readonly [field: string, standard: number])[] = [
  ['users_default', 0],
  ['events_default', 0],
  ['state_default', 50],
  ['ban', 50],
  ['redact', 50],
  ['kick', 50],
  ['invite', 0],
]

const malformed = (name: string, versions: string, content: JsonObject, field: string): AuthCase => ({
  name: `power levels with ${name}`,
  versions,
  event: by(ALICE, content),
  expect: 'power-levels-malformed',
  fields: { field },
})

const first = (name: string, versions: string, content: JsonObject, expect: AuthCase['expect']): AuthCase => ({
  name: `the first power levels with ${name}`,
  versions,
  without: ['m.room.power_levels|'],
  event: by(ALICE, content),
  expect,
})

const form: readonly AuthCase[] = [
  first('nothing', '1-12', {}, 'allowed'),
  first('any level', '1-12', { ban: 1000, users: { [BOB]: 1000 } }, 'allowed'),
  first('levels in strings', '1-9', { ban: ' +0050 ', users: { [BOB]: '-10' } }, 'allowed'),
  first('a level in a string', '10-12', { ban: '50' }, 'power-levels-malformed'),
  first('a user level in a string', '10-12', { users: { [BOB]: '50' } }, 'power-levels-malformed'),
  first('a float for a user', '1-5', { users: { [BOB]: 50.57 } }, 'allowed'),
  first('a float for a user', '6-12', { users: { [BOB]: 50.57 } }, 'power-levels-malformed'),
  first('an infinite level', '1-12', { users: { [BOB]: Number.POSITIVE_INFINITY } }, 'power-levels-malformed'),
  first('a level beyond all doubles', '1-12', { users: { [BOB]: '9'.repeat(400) } }, 'power-levels-malformed'),
  ...(['5_0', '0x10', '1e2', '50.0', '', ' ', '- 5', true, null, [50], {}] as JsonValue[]).map((level) =>
    first(`user level ${JSON.stringify(level)}`, '1-12', { users: { [BOB]: level } }, 'power-levels-malformed'),
  ),
  malformed('users that are a list', '1-12', { users: [] }, 'users'),
  malformed('users that are null', '1-12', { users: null }, 'users'),
  malformed('a user that is no user id', '1-12', { users: { bob: 50 } }, 'users'),
  malformed('a user without server', '1-12', { users: { '@bob': 50 } }, 'users'),
  ...FIELDS.map(([field]) => malformed(`a ${field} that is null`, '1-12', { [field]: null }, field)),
  malformed('events that are a list', '1-12', { events: [] }, 'events'),
  malformed('notifications that are a list', '6-12', { notifications: [] }, 'notifications'),
  malformed('an event level that is null', '1-9', { events: { 'm.room.name': null } }, 'events.m.room.name'),
  malformed('an event level that is null', '10-12', { events: { 'm.room.name': null } }, 'events'),
  malformed('a notification level that is null', '10-12', { notifications: { room: null } }, 'notifications'),
  {
    name: 'power levels whose notifications are not looked at',
    versions: '1-5',
    event: (version) => by(ALICE, { ...usualLevels(version), notifications: [] }),
    expect: 'allowed',
  },
  ...[ALICE, BOB].map(
    (userId): AuthCase => ({
      name: `power levels that name the creator ${userId}`,
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
      event: by(ALICE, { users: { [userId]: 100 } }),
      expect: 'power-levels-name-creator',
      fields: { userId },
    }),
  ),
]

const change = (
  name: string,
  old: JsonObject,
  next: JsonObject,
  expect: AuthCase['expect'],
  fields?: AuthCase['fields'],
  versions = '1-12',
): AuthCase => ({
  name: `a moderator ${name}`,
  versions,
  state: [powerLevels(before(old))],
  event: by(MOD, before(next)),
  expect,
  ...(fields === undefined ? {} : { fields }),
})
const outOfReach = (name: string, old: JsonObject, next: JsonObject, field: string, level: number, versions = '1-12') =>
  change(name, old, next, 'power-level-out-of-reach', { field, level, actual: 50 }, versions)

const namedLevels: readonly AuthCase[] = FIELDS.flatMap(([field, standard]) => [
  change(`adds ${field}`, {}, { [field]: 50 }, 'allowed'),
  change(`removes ${field}`, { [field]: 50 }, {}, 'allowed'),
  change(`lowers ${field}`, { [field]: 50 }, { [field]: -5 }, 'allowed'),
  outOfReach(`adds a high ${field}`, {}, { [field]: 51 }, field, 51),
  outOfReach(`raises ${field} too far`, { [field]: standard }, { [field]: 51 }, field, 51),
  outOfReach(`lowers a high ${field}`, { [field]: 51 }, { [field]: 0 }, field, 51),
  outOfReach(`removes a high ${field}`, { [field]: 51 }, {}, field, 51),
  change(`keeps a high ${field}`, { [field]: 51 }, { [field]: 51 }, 'allowed'),
])

const entries: readonly AuthCase[] = (['events', 'notifications'] as const).flatMap((map) => {
  const versions = map === 'events' ? '1-12' : '6-12'
  const power = map === 'events' ? { 'm.room.power_levels': 50 } : {}
  const having = (level?: JsonValue): JsonObject => ({ [map]: level === undefined ? power : { ...power, x: level } })
  return [
    change(`adds to ${map}`, having(), having(50), 'allowed', undefined, versions),
    change(`removes from ${map}`, having(50), having(), 'allowed', undefined, versions),
    change(`changes ${map}`, having(50), having(0), 'allowed', undefined, versions),
    change(`keeps a high level in ${map}`, having(51), having(51), 'allowed', undefined, versions),
    outOfReach(`adds a high level to ${map}`, having(), having(51), `${map}.x`, 51, versions),
    outOfReach(`raises a level in ${map} too far`, having(50), having(51), `${map}.x`, 51, versions),
    outOfReach(`lowers a high level in ${map}`, having(51), having(0), `${map}.x`, 51, versions),
    outOfReach(`removes a high level from ${map}`, having(51), having(), `${map}.x`, 51, versions),
  ]
})

const users = (more: JsonObject): JsonObject => ({ users: { [MOD]: 50, ...more } })
const userLevels: readonly AuthCase[] = [
  change('promotes a member to their own level', {}, users({ [BOB]: 50 }), 'allowed'),
  change('demotes a member below them', users({ [BOB]: 49 }), users({ [BOB]: 0 }), 'allowed'),
  change('drops a member below them', users({ [BOB]: 49 }), users({}), 'allowed'),
  change('demotes themselves', {}, users({ [MOD]: 10 }), 'allowed'),
  change('drops themselves', {}, { users: {} }, 'allowed'),
  change('keeps a peer', users({ [BOB]: 50 }), users({ [BOB]: 50 }), 'allowed'),
  outOfReach('promotes a member above them', {}, users({ [BOB]: 51 }), `users.${BOB}`, 51),
  outOfReach('promotes themselves', {}, users({ [MOD]: 51 }), `users.${MOD}`, 51),
  outOfReach('demotes a peer', users({ [BOB]: 50 }), users({ [BOB]: 0 }), `users.${BOB}`, 50),
  outOfReach('drops a peer', users({ [BOB]: 50 }), users({}), `users.${BOB}`, 50),
  change('writes a level as a string', users({ [BOB]: 50 }), users({ [BOB]: '50' }), 'allowed', undefined, '1-9'),
]

const others: readonly AuthCase[] = [
  {
    name: 'a notification level beyond reach, before that was limited',
    versions: '1-5',
    state: [powerLevels(before({ notifications: { room: 100 } }))],
    event: by(MOD, before({ notifications: { room: 0 } })),
    expect: 'allowed',
  },
  {
    name: 'power levels from a member without power',
    versions: '1-12',
    event: by(BOB, {}),
    expect: 'power-too-low',
    fields: { action: 'send' },
  },
  {
    name: 'power levels of a creator, whatever the change',
    versions: '12',
    state: [powerLevels({ users: { [EVE]: 9007199254740991 }, ban: 9007199254740991 })],
    event: by(ALICE, { kick: 9007199254740991 }),
    expect: 'allowed',
  },
]

export const POWER_CASES: readonly AuthCase[] = [...form, ...namedLevels, ...entries, ...userLevels, ...others]
