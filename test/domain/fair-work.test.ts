import { describe, expect, it } from 'vitest'
import { FairWork } from '#base'

describe('fair work', () => {
  it('gives one key no more than its share, and the rest to others who came later', async () => {
    const work = new FairWork<string>({ concurrency: 3, ofOneKey: 2 })
    const running: string[] = []
    const ends = new Map<string, () => void>()
    const begin = (key: string, name: string): Promise<void> =>
      work.run(key, () => {
        running.push(name)
        return new Promise((end) => ends.set(name, end))
      })
    const all = [begin('greedy', 'g1'), begin('greedy', 'g2'), begin('greedy', 'g3'), begin('greedy', 'g4')]
    all.push(begin('modest', 'm1'), begin('modest', 'm2'))
    expect(running).toEqual(['g1', 'g2', 'm1'])
    const end = async (name: string): Promise<void> => {
      ends.get(name)?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await end('g1')
    expect(running).toEqual(['g1', 'g2', 'm1', 'g3'])
    await end('m1')
    expect(running).toEqual(['g1', 'g2', 'm1', 'g3', 'm2'])
    await end('g2')
    await end('g3')
    await end('m2')
    await end('g4')
    await Promise.all(all)
    expect(running).toHaveLength(6)
  })

  it('goes on after work that fails', async () => {
    const work = new FairWork<string>({ concurrency: 1, ofOneKey: 1 })
    await expect(work.run('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await work.run('b', async () => 7)).toBe(7)
  })
})
