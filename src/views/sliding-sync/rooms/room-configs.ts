import { hash } from 'node:crypto'
import { BoundedCache, type CacheStats } from '#base'
import { compileEventFilter, type EventMatcher } from '#rules'
import type { UserId } from '#spec'
import type { RequiredState, RoomConfig, StatePattern, WantedKey, WantedState } from '../request.ts'

/** The configs of all rules that a room matches, in one: "Combining room configs" of MSC4186. */
export interface CombinedConfig {
  readonly timelineLimit: number
  /** State that any of these asks for is told. */
  readonly required: readonly WantedState[]
  /** Members are told as they are needed, unless some rule asks for all of them anyway. */
  readonly lazyMembers: boolean
  /** A hash of what is required. */
  readonly state: number
  /** Lets every event of a timeline through, up to the limit. */
  readonly timeline: EventMatcher
}

/** The config of one reader. */
export interface ReaderConfig extends CombinedConfig {
  readonly required: readonly RequiredState[]
}

const MEMBER = 'm.room.member'

/** The required state is made when it is asked for: most readers are told what others were told. */
class ConfigOfReader implements ReaderConfig {
  readonly timelineLimit: number
  readonly lazyMembers: boolean
  readonly state: number
  readonly timeline: EventMatcher
  readonly #wanted: readonly WantedState[]
  readonly #reader: UserId
  #required: readonly RequiredState[] | undefined

  constructor({ timelineLimit, lazyMembers, state, timeline, required }: CombinedConfig, reader: UserId) {
    this.timelineLimit = timelineLimit
    this.lazyMembers = lazyMembers
    this.state = state
    this.timeline = timeline
    this.#wanted = required
    this.#reader = reader
  }

  get required(): readonly RequiredState[] {
    this.#required ??= requiredFor(this.#wanted, this.#reader)
    return this.#required
  }
}

export const configFor = (config: CombinedConfig, reader: UserId): ReaderConfig => new ConfigOfReader(config, reader)

export const requiredFor = (required: readonly WantedState[], reader: UserId): readonly RequiredState[] => {
  const patternFor = ({ type, stateKey }: StatePattern<WantedKey>): StatePattern => ({
    type,
    stateKey: typeof stateKey === 'object' ? reader : stateKey,
  })
  return required.map(({ include, exclude, lazyMembers }) => ({
    include: include.map(patternFor),
    exclude: exclude.map(patternFor),
    lazyMembers,
  }))
}

export const asksFor = ({ required }: Pick<ReaderConfig, 'required'>, type: string, stateKey: string): boolean =>
  required.some((one) => isIncluded(one, type, stateKey))

const isIncluded = ({ include, exclude, lazyMembers }: RequiredState, type: string, stateKey: string): boolean => {
  // Rules that load members lazily mean all other types where they name none.
  const isMeant = (pattern: StatePattern): boolean =>
    matches(pattern, type, stateKey) && !(lazyMembers && type === MEMBER && pattern.type === undefined)
  return include.some(isMeant) && !exclude.some((pattern) => matches(pattern, type, stateKey))
}

const matches = (pattern: StatePattern, type: string, stateKey: string): boolean =>
  (pattern.type === undefined || pattern.type === type) &&
  (pattern.stateKey === undefined || pattern.stateKey === stateKey)

/** Whether everything that matches one pattern matches the other. */
const isWithin = (one: StatePattern<unknown>, other: StatePattern<unknown>): boolean =>
  (other.type === undefined || other.type === one.type) &&
  (other.stateKey === undefined || other.stateKey === one.stateKey)

const isSameList = (one: readonly StatePattern<unknown>[], other: readonly StatePattern<unknown>[]): boolean =>
  one.every((pattern) => other.some((counterpart) => isWithin(pattern, counterpart)))

/** Whether surely nothing is asked for that was not asked for before. */
export const isCovered = (now: readonly WantedState[], before: readonly WantedState[]): boolean =>
  now.every((one) =>
    before.some(
      (old) =>
        isSameList(one.include, old.include) &&
        isSameList(old.exclude, one.exclude) &&
        (one.lazyMembers || !old.lazyMembers),
    ),
  )

const asksForAllMembers = ({ include, lazyMembers }: WantedState): boolean =>
  !lazyMembers &&
  include.some(({ type, stateKey }) => stateKey === undefined && (type === undefined || type === MEMBER))

const KNOWN_BYTES = 4 * 1024 * 1024

/** Combines the configs of rules, and remembers what the hashes in positions stand for. A forgotten one makes a client get state twice. */
export class RoomConfigs {
  readonly #known = new BoundedCache<number, readonly WantedState[]>({
    name: 'sliding-required-state',
    limitBytes: KNOWN_BYTES,
    sizeBytes: (required) => 200 + 2 * textOf(required).length,
  })

  /** By the configs' text: clients ask for the same again and again. */
  readonly #combinations = new BoundedCache<string, CombinedConfig>({
    name: 'sliding-room-configs',
    limitBytes: KNOWN_BYTES,
    sizeBytes: ({ required }) => 1_000 + 4 * textOf(required).length,
  })

  /** The combination of a single config: a request that waits is asked for it again. */
  readonly #ofOne = new WeakMap<RoomConfig, CombinedConfig>()

  get caches(): readonly { stats(): CacheStats }[] {
    return [this.#known, this.#combinations]
  }

  combine(configs: readonly RoomConfig[]): CombinedConfig {
    const [one, ...others] = configs
    if (one === undefined || others.length > 0) return this.#combine(configs)
    const known = this.#ofOne.get(one)
    if (known !== undefined) return known
    const made = this.#combine(configs)
    this.#ofOne.set(one, made)
    return made
  }

  #combine(configs: readonly RoomConfig[]): CombinedConfig {
    const text = JSON.stringify(configs.map(({ timelineLimit, requiredState }) => [timelineLimit, requiredState]))
    const known = this.#combinations.get(text)
    if (known !== undefined) return known
    const combined = this.#combined(configs)
    this.#combinations.set(text, combined)
    return combined
  }

  #combined(configs: readonly RoomConfig[]): CombinedConfig {
    const required = configs.map(({ requiredState }) => requiredState)
    const texts = [...new Set(required.map((one) => textOf([one])))].sort()
    const state = hashOf(texts.join())
    this.#known.set(state, required)
    const timelineLimit = Math.max(0, ...configs.map((config) => config.timelineLimit))
    return {
      timelineLimit,
      timeline: compileEventFilter({ limit: timelineLimit }),
      required,
      lazyMembers: required.some(({ lazyMembers }) => lazyMembers) && !required.some(asksForAllMembers),
      state,
    }
  }

  /** The state that a hash stands for; undefined where it was forgotten. */
  required(state: number): readonly WantedState[] | undefined {
    return this.#known.get(state)
  }
}

const textOf = (required: readonly WantedState[]): string => JSON.stringify(required)

/** 48 bits of a hash, as a number above zero. */
export const hashOf = (text: string): number => Number.parseInt(hash('sha256', text, 'hex').slice(0, 12), 16) + 1
