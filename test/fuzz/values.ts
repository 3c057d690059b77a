import fc from 'fast-check'

/** What of JSON Schema the endpoints use. */
export interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly maxItems?: number
  readonly minimum?: number
  readonly maximum?: number
}

/** Values that mean something to the server under test, by the name of a parameter or member; whole lists by `name[]`. */
export type Pools = ReadonlyMap<string, readonly unknown[]>

/** Texts that have broken servers before. */
export const HOSTILE_TEXTS: readonly string[] = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\u202e\u200b\ufeff',
  '__proto__',
  'constructor',
  'toString',
  'null',
  'undefined',
  'NaN',
  '-1',
  '0x10',
  '9007199254740993',
  '1e309',
  '../../../etc/passwd',
  '..%2f..%2f',
  "' or 1=1 --",
  '%',
  '%s%s%s%n',
  '<script>alert(1)</script>',
  '\r\nSet-Cookie: a=b',
  '@',
  '!',
  '#',
  '$',
  '@:',
  '!:localhost',
  '@alice:localhost:99999',
  '@alice:[::1',
  'h1_',
  'h1_-1_-1_-1',
  't-1',
  't9007199254740993',
  'START',
  'END',
  `@${'a'.repeat(300)}:localhost`,
  'x'.repeat(5_000),
  '𝕳𝖔𝖒𝖊',
]

const HOSTILE_VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  0.5,
  1e21,
  -(2 ** 53),
  2 ** 53,
  [],
  [[]],
  [null],
  {},
  { __proto__: { admin: true } },
  { constructor: { prototype: {} } },
]

const nested = (depth: number): unknown => {
  let value: unknown = 'deep'
  for (let n = 0; n < depth; n++) value = n % 2 === 0 ? [value] : { a: value }
  return value
}

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: 'binary', maxLength: 40 }),
)

export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...HOSTILE_VALUES),
  hostileText,
  fc.jsonValue({ maxDepth: 3 }),
  fc.integer({ min: 1, max: 400 }).map(nested),
  fc.constant(Array.from({ length: 3_000 }, (_, n) => n)),
  fc.constant(Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`k${n}`, n]))),
)

const fromPool = (pools: Pools, name: string, otherwise: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => {
  const pool = pools.get(name)
  if (pool === undefined || pool.length === 0) return otherwise
  return fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...pool) }, { weight: 1, arbitrary: otherwise })
}

/** Values that fit the schema, mostly; `name` picks the pool. A pool's value may not fit: the schema is not all a server checks. */
export const fitting = (schema: Schema, name: string, pools: Pools): fc.Arbitrary<unknown> => {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => fitting(one, name, pools)))
  if (schema.allOf !== undefined) return objectOf(merged(schema.allOf), pools)
  switch (schema.type) {
    case 'object':
      return fromPool(pools, name, objectOf(schema, pools))
    case 'array':
      return fromPool(
        pools,
        `${name}[]`,
        fc.array(fitting(schema.items ?? {}, name, pools), { maxLength: Math.min(schema.maxItems ?? 4, 4) }),
      )
    case 'integer':
      return fromPool(pools, name, fc.integer({ min: schema.minimum ?? -5, max: schema.maximum ?? 1_000 }))
    case 'number':
      return fromPool(pools, name, fc.double({ min: schema.minimum ?? 0, max: schema.maximum ?? 10, noNaN: true }))
    case 'boolean':
      return fc.boolean()
    case 'string':
      return fromPool(pools, name, textOf(schema))
    default:
      return fromPool(pools, name, fc.jsonValue({ maxDepth: 2 }))
  }
}

const textOf = ({ pattern, minLength = 0, maxLength = 30 }: Schema): fc.Arbitrary<string> =>
  pattern === undefined
    ? fc.string({ unit: 'grapheme', minLength, maxLength: Math.max(minLength, Math.min(maxLength, 30)) })
    : fc.stringMatching(new RegExp(pattern))

const objectOf = (schema: Schema, pools: Pools): fc.Arbitrary<unknown> => {
  const required = new Set(schema.required)
  const members = Object.entries(schema.properties ?? {})
  const known = fc.record(Object.fromEntries(members.map(([name, member]) => [name, fitting(member, name, pools)])), {
    requiredKeys: members.map(([name]) => name).filter((name) => required.has(name)),
  })
  const [free] = Object.values(schema.patternProperties ?? {})
  const anything = members.length === 0 && free === undefined ? fc.jsonValue({ maxDepth: 1 }) : undefined
  const rest = free === undefined ? anything : fitting(free, '', pools)
  if (rest === undefined) return known
  const more = fc.dictionary(fc.string({ maxLength: 12 }), rest, { maxKeys: 3 })
  return fc.tuple(known, more).map(([one, other]) => ({ ...other, ...one }))
}

const merged = (schemas: readonly Schema[]): Schema => ({
  type: 'object',
  properties: Object.assign({}, ...schemas.map(({ properties }) => properties)),
  required: schemas.flatMap(({ required }) => required ?? []),
})
