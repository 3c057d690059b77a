import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asFilter, compileEventFilter, compileFilter, parseFilter, parseRoomEventFilter, selectFields } from '#rules'

const message = { type: 'm.room.message', sender: '@a:x', content: { body: 'hi', url: 'mxc://x/y' } }

test('absent lists let everything through, empty ones nothing', () => {
  expect(compileEventFilter().event(message)).toBe(true)
  expect(compileEventFilter({ types: [] }).nothing).toBe(true)
  expect(compileEventFilter({ types: [] }).event(message)).toBe(false)
  expect(compileEventFilter({ senders: [] }).event(message)).toBe(false)
  expect(compileEventFilter({ not_types: [] }).event(message)).toBe(true)
})

test('exclusion wins over inclusion', () => {
  expect(compileEventFilter({ types: ['m.room.*'], not_types: ['*.message'] }).event(message)).toBe(false)
  expect(compileEventFilter({ senders: ['@a:x'], not_senders: ['@a:x'] }).event(message)).toBe(false)
  expect(compileFilter({ room: { rooms: ['!r'], not_rooms: ['!r'] } }).room('!r')).toBe(false)
})

test.each([
  ['m.room.*', 'm.room.message', true],
  ['m.*.message', 'm.room.message', true],
  ['*', '', true],
  ['m.room.message', 'm.room.messages', false],
  ['a*a', 'a', false],
  ['a*b*c', 'a_b_b_c', true],
  ['a*bc*c', 'abc', false],
  ['*.*.*', 'a.b', false],
])('the type pattern %s against %s', (pattern, type, expected) => {
  expect(compileEventFilter({ types: [pattern] }).type(type)).toBe(expected)
})

test('a pattern matches what it says, as a regular expression does', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.'), maxLength: 12 })
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 })
  fc.assert(
    fc.property(pattern, text, (glob, type) => {
      const expression = new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '.*')}$`)
      expect(compileEventFilter({ types: [glob] }).type(type)).toBe(expression.test(type))
    }),
  )
})

test('hostile patterns stay cheap', () => {
  const matcher = compileEventFilter({ types: Array.from({ length: 1_000 }, (_, i) => `${'*a'.repeat(120)}*b${i}`) })
  const started = performance.now()
  for (let round = 0; round < 20; round++) matcher.type('a'.repeat(255))
  expect(performance.now() - started).toBeLessThan(2_000)
})

test('a filter has no more patterns than each event of a page can be held against', () => {
  const withTypes = (types: readonly string[]) => parseFilter(JSON.stringify({ room: { timeline: { types } } }))
  const many = (count: number, pattern: (index: number) => string) =>
    Array.from({ length: count }, (_, i) => pattern(i))
  expect(withTypes(many(1_000, (i) => `m.${i}`))).toBeDefined()
  expect(withTypes(many(100, (i) => `m.${i}.*`))).toBeDefined()
  expect(withTypes(many(101, (i) => `m.${i}.*`))).toBeUndefined()
  expect(withTypes(['*a'.repeat(120)])).toBeDefined()
  expect(withTypes(many(5, (i) => `${i}${'*a'.repeat(110)}`))).toBeUndefined()
  expect(parseRoomEventFilter(JSON.stringify({ not_types: many(101, (i) => `*${i}`) }))).toBeUndefined()
  expect(parseFilter(JSON.stringify({ presence: { not_types: many(101, (i) => `*${i}`) } }))).toBeUndefined()
})

test('contains_url looks only at own members of the content', () => {
  expect(compileEventFilter({ contains_url: true }).event(message)).toBe(true)
  expect(compileEventFilter({ contains_url: false }).event(message)).toBe(false)
  expect(compileEventFilter({ contains_url: false }).event({ ...message, content: {} })).toBe(true)
})

test('lists for a query are only offered where they hold no wildcards', () => {
  expect(compileEventFilter({ types: ['m.a', 'm.b'] }).exactTypes).toEqual(['m.a', 'm.b'])
  expect(compileEventFilter({ types: ['m.a', 'm.*'] }).exactTypes).toBeUndefined()
  expect(compileEventFilter().exactTypes).toBeUndefined()
})

test('event fields are picked by path, with escaped dots', () => {
  const event = { type: 't', content: { body: 'b', 'm.x': { y: 1, z: 2 }, other: 1 }, unsigned: { age: 5 } }
  expect(selectFields(['content.body', 'content.m\\.x.y'])(event)).toEqual({ content: { body: 'b', 'm.x': { y: 1 } } })
  expect(selectFields(['content', 'content.body'])(event)).toEqual({ content: event.content })
  expect(selectFields(['content.body', 'content'])(event)).toEqual({ content: event.content })
  expect(selectFields(['nothing', 'type.deeper', '__proto__', 'constructor'])(event)).toEqual({})
})

test('what is no filter is refused', () => {
  for (const bad of [
    { presence: 'text' },
    { presence: [] },
    { room: { timeline: { types: 'm.room.message' } } },
    { room: { timeline: { types: [0] } } },
    { room: { timeline: { rooms: ['not a room'] } } },
    { room: { timeline: { senders: ['not a user'] } } },
    { room: { timeline: { limit: 1.5 } } },
    { room: { timeline: { limit: -1 } } },
    { room: { include_leave: 'yes' } },
    { event_format: 'other' },
    { event_fields: [{}] },
    { event_fields: Array(501).fill('a') },
    { account_data: { types: ['x'.repeat(256)] } },
    [],
    null,
    'text',
  ]) {
    expect(asFilter(bad), JSON.stringify(bad)).toBeUndefined()
  }
  expect(parseFilter('{')).toBeUndefined()
  expect(parseFilter(`{"event_fields":["${'x'.repeat(70_000)}"]}`)).toBeUndefined()
  expect(parseRoomEventFilter('{"lazy_load_members":"yes"}')).toBeUndefined()
})

test('members that the specification does not name are let through', () => {
  const filter = { room: { timeline: { limit: 10, 'org.example.x': { a: [1] } } }, 'org.example.y': 1 }
  expect(asFilter(filter)).toEqual(filter)
  expect(parseRoomEventFilter('{"lazy_load_members":true}')).toEqual({ lazy_load_members: true })
})
