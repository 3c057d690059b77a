import { hash } from 'node:crypto'
import { BoundedCache, type CacheStats } from '#base'
import { compileEventFilter, type EventMatcher } from '#rules'
import type { RequiredState, RoomConfig, StatePattern } from '../request.ts'

/** The configs of all rules that a room matches, in one: "Combining room configs" of MSC4186. */
export interface CombinedConfig {
  readonly timelineLimit: number
  /** State that any of these asks for is told. */
  readonly required: readonly RequiredState[]
  /** Members are told as they are needed, unless some rule asks for all of them anyway. */
  readonly lazyMembers: boolean
  /** A hash of what is required. */
  readonly state: number
  /** Lets every event of a timeline through, up to the limit. */
  readonly timeline: EventMatcher
}

const MEMBER = 'm.room.member'

export const asksFor = ({ required }: Pick<CombinedConfig, 'required'>, type: string, stateKey: string): boolean =>
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
const isWithin = (one: StatePattern, other: StatePattern): boolean =>
  (other.type === undefined || other.type === one.type) &&
  (other.stateKey === undefined || other.stateKey === one.stateKey)

const isSameList = (one: readonly StatePattern[], other: readonly StatePattern[]): boolean =>
  one.every((pattern) => other.some((counterpart) => isWithin(pattern, counterpart)))

/** Whether surely nothing is asked for that was not asked for before. */
export const isCovered = (now: readonly RequiredState[], before: readonly RequiredState[]): boolean =>
  now.every((one) =>
    before.some(
      (old) =>
        isSameList(one.include, old.include) &&
        isSameList(old.exclude, one.exclude) &&
        (one.lazyMembers || !old.lazyMembers),
    ),
  )

const asksForAllMembers = ({ include, lazyMembers }: RequiredState): boolean =>
  !lazyMembers &&
  include.some(({ type, stateKey }) => stateKey === undefined && (type === undefined || type === MEMBER))

const KNOWN_BYTES = 4 * 1024 * 1024

/** Combines the configs of rules, and remembers what the hashes in positions stand for. A forgotten one makes a client get state twice. */
export class RoomConfigs {
  readonly #known = new BoundedCache<number, readonly RequiredState[]>({
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

  get caches(): readonly { stats(): CacheStats }[] {
    return [this.#known, this.#combinations]
  }

  combine(configs: readonly RoomConfig[]): CombinedConfig {
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
  required(state: number): readonly RequiredState[] | undefined {
    return this.#known.get(state)
  }
}

const textOf = (required: readonly RequiredState[]): string => JSON.stringify(required)

/** 48 bits of a hash, as a number above zero. */
export const hashOf = (text: string): number => Number.parseInt(hash('sha256', text, 'hex').slice(0, 12), 16) + 1
