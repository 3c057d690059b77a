import fc from 'fast-check'
import type { JsonValue } from '#spec'

/** Keys that order differently in UTF-16 and in code points, that look like array indices, or that are traps. */
const trickyKey = fc.constantFrom(
  '__proto__',
  'constructor',
  'toJSON',
  '10',
  '9',
  '\uff5e',
  '\u{1f600}',
  '\ue000',
  '',
  'é',
)

export const jsonKey: fc.Arbitrary<string> = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 8 }), trickyKey)

const scalar = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
)

export const jsonObjectOf = (member: fc.Arbitrary<JsonValue>): fc.Arbitrary<{ readonly [key: string]: JsonValue }> =>
  fc.uniqueArray(fc.tuple(jsonKey, member), { maxLength: 6, selector: ([key]) => key }).map(Object.fromEntries)

/** Any value that strict canonical JSON can write. */
export const jsonValue: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    jsonObjectOf(tie('value')),
  ),
})).value

export const jsonObject = jsonObjectOf(jsonValue)
