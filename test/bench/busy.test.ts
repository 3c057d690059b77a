import { describe, expect, it } from 'vitest'
import { type BusyRow, isTooSlow, renderBusy } from '../../bench/busy/busy.ts'
import { parseOptions } from '../../bench/run/options.ts'

const rowOf = (latenciesMs: readonly number[], failed = { sends: 0, deeds: 0 }): BusyRow => ({
  name: 'uploads of 200 MB',
  sends: { latenciesMs, failed: failed.sends },
  done: { what: '200 MB', failed: failed.deeds },
  longestMs: 5,
  peakRss: 200 * 1024 * 1024,
})

describe('sends while others keep the server busy', () => {
  it('may take 100 ms, all but one in a hundred', () => {
    expect(isTooSlow(rowOf([...Array(99).fill(100), 5_000]))).toBe(false)
    expect(isTooSlow(rowOf([...Array(98).fill(100), 101, 5_000]))).toBe(true)
  })

  it('are too slow where nothing was sent, or something failed', () => {
    expect(isTooSlow(rowOf([]))).toBe(true)
    expect(isTooSlow(rowOf([1], { sends: 1, deeds: 0 }))).toBe(true)
    expect(isTooSlow(rowOf([1], { sends: 0, deeds: 1 }))).toBe(true)
  })

  it('are told below the table where they are too slow', () => {
    expect(renderBusy([rowOf([1])])).not.toContain('more than')
    expect(renderBusy([rowOf([200])])).toContain('- uploads of 200 MB: more than 100 ms')
  })

  it('are measured alone', () => {
    expect(parseOptions(['--only', 'busy', '--cases', 'sync', '--server-cpu', '0', '--seconds', '2'])).toEqual({
      ...{ kind: 'busy', scale: 'full', cases: 'sync', seconds: 2, serverCpu: 0, loadCpu: undefined },
    })
    expect(parseOptions(['--only', 'busy,idle'])).toMatchObject({ kind: 'message', exitCode: 1 })
  })
})
