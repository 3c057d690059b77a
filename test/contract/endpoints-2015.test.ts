import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ApiDeps, apiEndpoints, NOT_BUILT_2015, servedEndpoints } from '#api'

/** The operations of September 2015; beside the repository, as the official data of today. */
const table = new URL('../../../shared/spec/endpoints-2015.tsv', import.meta.url)

const unasked: unknown = new Proxy(() => unasked, { get: () => unasked, apply: () => unasked })
const served = servedEndpoints(apiEndpoints(unasked as ApiDeps))

/** Whether a served path answers a documented one: parameters fit anything, so that `send/{eventType}` serves `send/m.room.message`. */
const serves = (path: string, documented: string): boolean => {
  const [own, other] = [path.split('/'), documented.split('/')]
  return own.length === other.length && own.every((part, index) => part.startsWith('{') || part === other[index])
}

describe.skipIf(!existsSync(table))('the endpoints of September 2015 (skipped where their table is absent)', () => {
  const documented = (): readonly string[] =>
    readFileSync(table, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'))
      .map(([prefix, method, path]) => `${method} ${prefix}${path}`)
  const isServed = (endpoint: string): boolean => {
    const [method, path = ''] = endpoint.split(' ')
    return served.some((one) => one.method === method && serves(one.path, path))
  }

  it('are each served or listed as not built, never both', () => {
    const rows = documented()
    expect(rows.length).toBeGreaterThan(50)
    expect(rows.filter((row) => isServed(row) === NOT_BUILT_2015.includes(row))).toEqual([])
    expect(NOT_BUILT_2015.filter((row) => !rows.includes(row))).toEqual([])
  })
})
