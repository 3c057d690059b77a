import { describe, expect, it } from 'vitest'
import { constructorsIn } from './constructors.ts'
import { readSources } from './sources.ts'

const MAX_PARTS = 8
/** More go into one object, where each has a name. */
const MAX_PARAMETERS = 3

const src = constructorsIn(readSources('src'))

describe('constructors', () => {
  it(`take at most ${MAX_PARTS} parts: above that, the class is two`, () => {
    expect(src.length).toBeGreaterThan(100)
    expect(src.filter(({ parts }) => parts > MAX_PARTS)).toEqual([])
  })

  it(`take at most ${MAX_PARAMETERS} parameters: more parts are one object`, () => {
    expect(src.filter(({ parameters }) => parameters > MAX_PARAMETERS).map(({ className }) => className)).toEqual([])
  })

  it('are counted with what their object inherits, taken apart or not', () => {
    const many = `
      interface Ground { readonly a: number; readonly b: number }
      export interface ThingParts extends Ground { readonly c: number; d(): void }
      export class Thing { constructor(parts: ThingParts) {} }
      export class Other { constructor({ a, b }: Ground) {} }
      export class Third { constructor(a: number, b: string, c: Ground) {} }
      class Fourth { constructor(a: number) {} }
      class Fifth {}`
    const found = constructorsIn([{ path: 'src/thing.ts', text: many }])
    expect(found.map(({ className, parameters, parts }) => [className, parameters, parts])).toEqual([
      ['Thing', 1, 4],
      ['Other', 1, 2],
      ['Third', 3, 3],
      ['Fourth', 1, 1],
    ])
  })
})
