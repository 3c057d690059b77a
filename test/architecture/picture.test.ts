import { describe, expect, it } from 'vitest'
import { drawSvg, findArrows, findUpwardArrows, isPictureCurrent } from '../../scripts/draw-architecture.ts'

const importing = (source: string, ...resolved: readonly string[]) => ({
  source,
  dependencies: resolved.map((path) => ({ resolved: path, dependencyTypes: ['import'] })),
})

describe('the picture of the layers', () => {
  it('is the one that the code gives (else run: node scripts/draw-architecture.ts)', () => {
    expect(isPictureCurrent()).toBe(true)
  })

  it('has an arrow for each pair of layers, not for imports within a layer or of packages', () => {
    const arrows = findArrows([
      importing('src/views/a.ts', 'src/store/index.ts', 'src/views/b.ts', 'node_modules/pg/index.js'),
      importing('src/views/b.ts', 'src/store/index.ts', 'src/base/index.ts'),
    ])
    expect(arrows).toEqual([
      { from: 'views', to: 'store' },
      { from: 'views', to: 'base' },
    ])
    expect(drawSvg(arrows)).toContain('views imports store; views imports base')
  })

  it('refuses arrows that point upwards or at something that is no layer', () => {
    const arrows = findArrows([
      importing('src/store/a.ts', 'src/views/index.ts', 'src/base/index.ts', 'src/unknown/index.ts'),
    ])
    expect(findUpwardArrows(arrows)).toEqual([
      { from: 'store', to: 'unknown' },
      { from: 'store', to: 'views' },
    ])
  })
})
