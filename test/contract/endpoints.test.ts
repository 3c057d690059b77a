import { describe, expect, it } from 'vitest'
import { notBuilt, servedEndpoints } from '#api'
import { isOpenApiPresent, readOperations } from '../support/openapi.ts'

/** The official data has these APIs from the client's side; the others are not served yet. */
const documented = readOperations()
  .filter(({ api }) => api === 'client-server')
  .map(({ method, path }) => `${method} ${path}`)

/** Parameter names are ours to choose: two spellings of one endpoint are compared without them. */
const withoutNames = (endpoint: string): string => endpoint.replace(/\{[^}]*\}/g, '{}')
const sorted = (endpoints: readonly string[]): readonly string[] => endpoints.map(withoutNames).toSorted()
const titleOf = ({ method, path }: { readonly method: string; readonly path: string }) => `${method} ${path}`

const served = servedEndpoints().map(titleOf)
const missing = notBuilt.map(titleOf)

describe('the endpoints of the official data', () => {
  it('are each served, or listed as not built, never both', () => {
    const both = sorted(served).filter((endpoint) => sorted(missing).includes(endpoint))
    expect(both).toEqual([])
    expect(new Set(sorted(served)).size).toBe(served.length)
    expect(new Set(sorted(missing)).size).toBe(missing.length)
  })

  it('that are not built have a reason', () => {
    expect(notBuilt.filter(({ why }) => why.trim().length < 10)).toEqual([])
  })

  describe.skipIf(!isOpenApiPresent)('(skipped where the official data is absent)', () => {
    it('are all accounted for', () => {
      const known = new Set(sorted([...served, ...missing]))
      expect(sorted(documented).filter((endpoint) => !known.has(endpoint))).toEqual([])
    })

    it('that are listed as not built exist', () => {
      const known = new Set(sorted(documented))
      expect(sorted(missing).filter((endpoint) => !known.has(endpoint))).toEqual([])
    })

    it('are served under their documented names', () => {
      const known = new Set(sorted(documented))
      // Beside the client-server API: the registration by shared secret, which is Synapse's admin API, and our own pages.
      const own = sorted(served).filter((endpoint) => !known.has(endpoint) && endpoint.includes('/_matrix/client/'))
      expect(own).toEqual([])
    })
  })
})
