import { isDeepStrictEqual } from 'node:util'
import { type Config, PLACES } from '#config'

/** The effect of a configuration that was read anew, by the paths of its settings. */
export interface Reloaded {
  /** In force now. */
  readonly changed: readonly string[]
  /** Changed as well, and in force with the next start. */
  readonly later: readonly string[]
}

type Take = (config: Config) => void | Promise<void>

const RELOADING: ReadonlySet<string> = new Set(PLACES.filter(({ reloads }) => reloads).map(({ path }) => path))

/** The parts of a running server that take their settings anew. Each registers itself while it is built. */
export class Reloads {
  readonly #takers: Take[] = []
  #config: Config

  constructor(config: Config) {
    this.#config = config
  }

  /** `take` is called with each new configuration, whatever changed in it. */
  on(take: Take): void {
    this.#takers.push(take)
  }

  /** Parts that were told of the new settings keep them if a later part throws. */
  async apply(config: Config): Promise<Reloaded> {
    const all = differences(this.#config, config)
    for (const take of this.#takers) await take(config)
    const changed = all.filter((path) => RELOADING.has(path))
    // Settings that wait for the next start are told again at each reload.
    this.#config = withChanged(this.#config, config, changed)
    return { changed, later: all.filter((path) => !RELOADING.has(path)) }
  }
}

type Sections = Readonly<Record<string, Readonly<Record<string, unknown>>>>
const sectionsOf = (config: Config): Sections => config as unknown as Sections

const differences = (before: Config, after: Config): readonly string[] =>
  Object.entries(sectionsOf(after)).flatMap(([section, values]) => {
    const earlier = sectionsOf(before)[section] ?? {}
    return Object.keys(values)
      .filter((key) => !isDeepStrictEqual(values[key], earlier[key]))
      .map((key) => `${section}.${key}`)
  })

const withChanged = (before: Config, after: Config, paths: readonly string[]): Config => {
  const merged: Record<string, Record<string, unknown>> = {}
  for (const [section, values] of Object.entries(sectionsOf(before))) merged[section] = { ...values }
  for (const path of paths) {
    const [section = '', key = ''] = path.split('.')
    merged[section] = { ...merged[section], [key]: sectionsOf(after)[section]?.[key] }
  }
  return merged as unknown as Config
}
