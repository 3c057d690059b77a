import findMyWay, { type HTTPMethod } from 'find-my-way'

/** No identifier of the specification is longer than 255 bytes; some path members (event types, keys) may be. */
const MAX_PARAM_LENGTH = 2_048

const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'] as const

export interface Route<Target> {
  readonly target: Target
  /** Percent-decoded once. */
  readonly params: Readonly<Record<string, string | undefined>>
  /** Values of names that come several times are lists. */
  readonly query: Record<string, unknown>
}

export class Routes<Target extends object> {
  readonly #router = findMyWay({
    maxParamLength: MAX_PARAM_LENGTH,
    // These handlers make a malformed path a match without a target.
    onBadUrl: () => {},
    onMaxParamLength: () => {},
  })

  add(method: (typeof METHODS)[number], path: string, target: Target): void {
    this.#router.on(method, path, () => {}, target)
  }

  /** `malformed`: the path is not well encoded, or one of its members too long. undefined: nothing is served there by this method. */
  find(method: string, url: string): Route<Target> | 'malformed' | undefined {
    const found = this.#router.find(method as HTTPMethod, url)
    if (found === null) return undefined
    const target = found.store as Target | null
    if (target === null) return 'malformed'
    return { target, params: found.params, query: found.searchParams }
  }

  /** The methods that are served there, for the header `Allow`; none where the path is unknown. */
  allowed(url: string): readonly string[] {
    const served: readonly string[] = METHODS.filter((method) => typeof this.find(method, url) === 'object')
    return served.length === 0 ? [] : [...served, 'OPTIONS']
  }
}
