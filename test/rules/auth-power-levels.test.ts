import { describe, expect, it } from 'vitest'
import { creatorsOf, powerLevelsOf } from '#rules'
import type { JsonObject } from '#spec'
import { ROOM_VERSIONS } from '#spec'
import { ALICE, BOB, EVE, MOD, makeEvent, powerLevels, usualCreate, versionOf, versionsIn } from './auth-room.ts'

const levelsIn = (versionId: string, content: JsonObject | undefined, createContent?: JsonObject) => {
  const version = versionOf(versionId)
  const draft = usualCreate(version)
  const create = makeEvent(version, createContent === undefined ? draft : { ...draft, content: createContent })
  return powerLevelsOf(version, create, content === undefined ? undefined : makeEvent(version, powerLevels(content)))
}

const DEFAULTS = { ban: 50, kick: 50, redact: 50, invite: 0, eventsDefault: 0, stateDefault: 50, usersDefault: 0 }

describe('power levels', () => {
  it('have defaults, with and without the event', () => {
    for (const id of ROOM_VERSIONS.keys()) {
      for (const levels of [levelsIn(id, {}), levelsIn(id, undefined)]) {
        expect(levels).toMatchObject(DEFAULTS)
        expect(levels.toSend('m.room.name', true)).toBe(50)
        expect(levels.toSend('m.room.message', false)).toBe(0)
        expect(levels.notification('room')).toBe(50)
        expect(levels.ofUser(BOB)).toBe(0)
      }
    }
  })

  it('are what the event says', () => {
    const content = {
      ban: 1,
      kick: 2,
      redact: 3,
      invite: 4,
      events_default: 5,
      state_default: 6,
      users_default: 7,
      users: { [MOD]: 8 },
      events: { 'm.room.name': 9 },
      notifications: { room: 10 },
    }
    for (const id of ROOM_VERSIONS.keys()) {
      const levels = levelsIn(id, content)
      expect(levels).toMatchObject({ ban: 1, kick: 2, redact: 3, invite: 4 })
      expect(levels).toMatchObject({ eventsDefault: 5, stateDefault: 6, usersDefault: 7 })
      expect([levels.ofUser(MOD), levels.ofUser(BOB)]).toEqual([8, 7])
      expect([levels.toSend('m.room.name', true), levels.toSend('m.room.name', false)]).toEqual([9, 9])
      expect([levels.toSend('x', true), levels.toSend('x', false)]).toEqual([6, 5])
      expect([levels.notification('room'), levels.notification('x')]).toEqual([10, 50])
    }
  })

  it('give the creator 100 until there is an event, and from version 12 on infinite power', () => {
    for (const version of versionsIn('1-11')) {
      expect(levelsIn(version.id, undefined).ofUser(ALICE)).toBe(100)
      expect(levelsIn(version.id, {}).ofUser(ALICE)).toBe(0)
    }
    const creators = { additional_creators: [BOB] }
    for (const content of [undefined, {}, { users: { [ALICE]: 1, [BOB]: 1 } }]) {
      const levels = levelsIn('12', content, creators)
      expect([ALICE, BOB, EVE].map(levels.ofUser)).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0])
    }
  })

  it('are read from strings before version 10 and from floats before version 6', () => {
    const content = { ban: ' +0070 ', users: { [BOB]: '-3', [EVE]: 'x', [MOD]: 50.57 } }
    for (const version of versionsIn('1-9')) {
      const levels = levelsIn(version.id, content)
      expect([levels.ban, levels.ofUser(BOB), levels.ofUser(EVE)]).toEqual([70, -3, 0])
      expect(levels.ofUser(MOD)).toBe(version.strictCanonicalJson ? 0 : 50)
    }
    for (const version of versionsIn('10-12')) expect(levelsIn(version.id, content)).toMatchObject({ ban: 50 })
    expect(Object.is(levelsIn('1', { users: { [BOB]: -0.5 } }).ofUser(BOB), 0)).toBe(true)
  })

  it('do not mistake what objects inherit for what they hold', () => {
    for (const id of ROOM_VERSIONS.keys()) {
      const levels = levelsIn(id, { users: {}, events: {}, notifications: {} })
      expect(levels.ofUser('constructor')).toBe(0)
      expect(levels.toSend('toString', false)).toBe(0)
      expect(levels.notification('__proto__')).toBe(50)
    }
  })

  it('are read once for the same events', () => {
    const version = versionOf('11')
    const create = makeEvent(version, usualCreate(version))
    const event = makeEvent(version, powerLevels({ ban: 1 }))
    expect(powerLevelsOf(version, create, event)).toBe(powerLevelsOf(version, create, event))
    const otherCreate = makeEvent(version, usualCreate(version))
    expect(powerLevelsOf(version, otherCreate, event)).not.toBe(powerLevelsOf(version, create, event))
    expect(powerLevelsOf(version, undefined, event).ban).toBe(1)
    expect(powerLevelsOf(version, undefined, undefined).ofUser(ALICE)).toBe(0)
  })
})

describe("a room's creators", () => {
  it.each([
    ['1-10', { creator: BOB, additional_creators: [EVE] }, [BOB]],
    ['1-10', { creator: 'bob' }, []],
    ['1-10', {}, []],
    ['11', { creator: BOB, additional_creators: [EVE] }, [ALICE]],
    ['12', { creator: BOB, additional_creators: [EVE, ALICE, EVE] }, [ALICE, EVE]],
    ['12', { additional_creators: 'x' }, [ALICE]],
    ['12', {}, [ALICE]],
  ])('in version %s with %j are %j', (versions, content, expected) => {
    for (const version of versionsIn(versions)) {
      const create = makeEvent(version, { ...usualCreate(version), content })
      expect(creatorsOf(version, create)).toEqual(expected)
    }
  })
})
