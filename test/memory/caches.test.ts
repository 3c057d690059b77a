import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import type { Measured } from './measure.ts'

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** In a process of its own: other tests would be measured too. */
const measured = async (): Promise<readonly (Measured & { readonly name: string })[]> => {
  const { stdout } = await promisify(execFile)(process.execPath, [file('cache-heap.ts')], { maxBuffer: 1e7 })
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}

/** Caches whose values are small and of one size, see the cases `plain`; and those that need a whole server to be filled, and count by the same functions. */
const PLAIN = [
  'bump-stamps',
  'filter-texts',
  'message-lifetimes',
  'sliding-connections',
  'store-users',
  'store-facts',
  'unread-floors',
  'erasures',
  'transactions',
  'repeating-devices',
  'urlPreviewFailures',
  'server-key-attempts',
  'federation-names',
  'federation-well-known',
  'room-servers',
  'token-hashes',
  'other-pulls',
]
const WITH_A_SERVER = [...['unread', 'badges', 'push-names', 'sliding-required-state']]

it('every cache counts what it holds, as process.memoryUsage() shows: filters, compiled forms, rooms, event texts …', {
  timeout: 240_000,
}, async () => {
  const caches = await measured()
  for (const { name, heap, counted, limit } of caches) {
    const most = 1.25 * counted + 256 * 1024
    expect({ name, most, heap }).toSatisfy(() => heap <= most)
    expect({ name, counted, limit }).toSatisfy(() => counted > 0 && counted <= limit)
  }
  const names = new Set(caches.map(({ name }) => name.split(':')[0]))
  expect([...names, ...PLAIN, ...WITH_A_SERVER]).toEqual(expect.arrayContaining([...namesInSource()]))
})

/** The names of all caches, as the source has them. */
const namesInSource = (): readonly string[] => {
  const root = file('../../src')
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const names = sources.flatMap((path) =>
    [
      ...readFileSync(join(root, path), 'utf8').matchAll(/new (?:BoundedCache|LatestValues)[^{]*\{\s*name: '([^']+)'/g),
    ].map(([, name = '']) => name),
  )
  expect(names.length).toBeGreaterThan(15)
  return names
}
