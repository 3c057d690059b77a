import findMyWay from 'find-my-way'
import type { AnyEndpoint } from './endpoint.ts'

/** No identifier of the specification is longer than 255 bytes; some path members (event types, keys) may be. */
export const MAX_PARAM_LENGTH = 2_048

/** Tells a path we serve with another method (405) from one we do not serve at all (404). */
export const knownPaths = (endpoints: readonly AnyEndpoint[]): ((url: string) => boolean) => {
  const router = findMyWay({ maxParamLength: MAX_PARAM_LENGTH })
  const seen = new Set<string>()
  for (const { paths } of endpoints) {
    for (const path of paths) {
      const pattern = path.replaceAll(/:[A-Za-z]+/g, ':member')
      if (seen.has(pattern)) continue
      seen.add(pattern)
      router.on('GET', positional(path), () => {})
    }
  }
  return (url) => router.find('GET', url) !== null
}

/** Two members of one path must not share a name. */
const positional = (path: string): string => {
  let count = 0
  return path.replaceAll(/:[A-Za-z]+/g, () => `:member${count++}`)
}
