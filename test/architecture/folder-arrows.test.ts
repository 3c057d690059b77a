import { describe, expect, it } from 'vitest'
import { cruise, repositoryRoot } from '../../scripts/cruise.ts'
import { filesOnBothSides } from './folder-arrows.ts'

const importing = (source: string, ...resolved: readonly string[]) => ({
  source,
  dependencies: resolved.map((path) => ({ resolved: path, dependencyTypes: ['import'] })),
})

describe('a file beside subfolders', () => {
  it('is imported by them or imports them, never both', () => {
    const { modules } = cruise(repositoryRoot)
    expect(modules.length).toBeGreaterThan(50)
    expect(filesOnBothSides(modules)).toEqual([])
  })

  it('is found where it does both', () => {
    const both = [
      importing('src/views/text.ts', 'src/views/old/form.ts'),
      importing('src/views/sync/sync.ts', 'src/views/text.ts'),
      importing('src/views/old/form.ts'),
    ]
    expect(filesOnBothSides(both)).toEqual(['src/views/text.ts'])
  })

  it('is found where another file beside it is on the way', () => {
    const byWay = [
      importing('src/views/text.ts', 'src/views/form.ts'),
      importing('src/views/form.ts', 'src/views/old/form.ts'),
      importing('src/views/sync/sync.ts', 'src/views/text.ts'),
      importing('src/views/old/form.ts'),
    ]
    expect(filesOnBothSides(byWay)).toEqual(['src/views/form.ts'])
  })

  it('may import subfolders, and be imported by others', () => {
    const oneWay = [
      importing('src/views/index.ts', 'src/views/sync/sync.ts', 'src/views/old/form.ts'),
      importing('src/views/text.ts'),
      importing('src/views/sync/sync.ts', 'src/views/text.ts'),
      importing('src/views/old/form.ts', 'src/views/text.ts'),
      importing('src/app/wires.ts', 'src/views/index.ts'),
    ]
    expect(filesOnBothSides(oneWay)).toEqual([])
  })
})
