import { fail, ok, type Result } from '#base'

/**
 * The patterns of registrations, matched in time proportional to the text: all ways through a pattern are followed at once, so no pattern can stall the
 * server, as one with nested repetitions would on an engine that tries them one after another. What needs such an engine (lookarounds, references back)
 * is refused.
 */
export interface Pattern {
  /** Whether the pattern fits the beginning of the text. */
  matches(text: string): boolean
}

type Step =
  | { readonly kind: 'char'; readonly accepts: (point: number) => boolean; readonly next: number }
  | { readonly kind: 'split'; readonly to: number[] }
  | { readonly kind: 'start' | 'end'; readonly next: number }
  | { readonly kind: 'done' }

const MAX_SOURCE = 1_000
const MAX_STEPS = 4_000
const MAX_REPEAT = 255
const MAX_DEPTH = 50

class PatternProblem extends Error {}

/** Reads a regular expression; the failure says what is wrong with it. */
export const compilePattern = (source: string): Result<Pattern, string> => {
  if (source.length > MAX_SOURCE) return fail(`a regex has at most ${MAX_SOURCE} characters`)
  try {
    const steps = new PatternReader(source).read()
    return ok({ matches: (text) => fitsStart(steps, text) })
  } catch (error) {
    if (error instanceof PatternProblem) return fail(error.message)
    throw error
  }
}

const fitsStart = (steps: readonly Step[], text: string): boolean => {
  const points = Array.from(text)
  let states = new Set<number>()
  const enter = (first: number, at: number, into: Set<number>): boolean => {
    const open = [first]
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      if (into.has(state)) continue
      into.add(state)
      const step = steps[state]
      if (step === undefined || step.kind === 'done') return true
      if (step.kind === 'split') open.push(...step.to)
      else if (step.kind === 'start' && at === 0) open.push(step.next)
      else if (step.kind === 'end' && at === points.length) open.push(step.next)
    }
    return false
  }
  if (enter(0, 0, states)) return true
  for (const [at, char] of points.entries()) {
    const point = char.codePointAt(0) ?? 0
    const after = new Set<number>()
    for (const state of states) {
      const step = steps[state]
      if (step?.kind === 'char' && step.accepts(point) && enter(step.next, at + 1, after)) return true
    }
    if (after.size === 0) return false
    states = after
  }
  return false
}

type Accepts = (point: number) => boolean
/** A piece of a pattern: writes its steps, which lead to the step behind them. */
type Node = (write: (step: Step) => number, next: () => number) => void

const isDigit: Accepts = (point) => point >= 48 && point <= 57
const isWord: Accepts = (point) =>
  isDigit(point) || (point >= 65 && point <= 90) || (point >= 97 && point <= 122) || point === 95
const isSpace: Accepts = (point) => /\s/.test(String.fromCodePoint(point))
const not =
  (one: Accepts): Accepts =>
  (point) =>
    !one(point)
const CLASSES: Readonly<Record<string, Accepts>> = {
  d: isDigit,
  w: isWord,
  s: isSpace,
  D: not(isDigit),
  W: not(isWord),
  S: not(isSpace),
}
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11 }
const isDot: Accepts = (point) => point !== 10

class PatternReader {
  readonly #chars: readonly string[]
  #at = 0
  #depth = 0

  constructor(source: string) {
    this.#chars = Array.from(source)
  }

  read(): readonly Step[] {
    const whole = this.#alternatives()
    if (this.#at < this.#chars.length) throw new PatternProblem('a regex has a ")" that nothing opens')
    const steps: Step[] = []
    const write = (step: Step): number => {
      if (steps.length >= MAX_STEPS) throw new PatternProblem('a regex repeats too much')
      return steps.push(step) - 1
    }
    whole(write, () => steps.length)
    write({ kind: 'done' })
    return steps
  }

  #alternatives(): Node {
    if (++this.#depth > MAX_DEPTH) throw new PatternProblem('a regex is nested too deeply')
    const branches = [this.#sequence()]
    while (this.#chars[this.#at] === '|') {
      this.#at++
      branches.push(this.#sequence())
    }
    this.#depth--
    return branches.reduceRight((rest, branch) => either(branch, rest))
  }

  #sequence(): Node {
    const nodes: Node[] = []
    for (let char = this.#chars[this.#at]; char !== undefined && char !== '|' && char !== ')'; ) {
      nodes.push(this.#repeated(this.#atom()))
      char = this.#chars[this.#at]
    }
    return (write, next) => {
      for (const node of nodes) node(write, next)
    }
  }

  #repeated(node: Node): Node {
    const [least, most] = this.#counts()
    if (least === 1 && most === 1) return node
    // A lazy repetition fits the same texts.
    if (this.#chars[this.#at] === '?') this.#at++
    if (['*', '+', '?'].includes(this.#chars[this.#at] ?? '')) throw new PatternProblem('a regex repeats a repetition')
    return (write, next) => {
      for (let count = 0; count < least; count++) {
        const before = next()
        node(write, next)
        if (next() === before) break
      }
      if (most === undefined) loop(node)(write, next)
      else for (let count = least; count < most; count++) either(node, NOTHING)(write, next)
    }
  }

  #counts(): readonly [number, number | undefined] {
    const char = this.#chars[this.#at]
    if (char === '*' || char === '+' || char === '?') {
      this.#at++
      return [char === '+' ? 1 : 0, char === '?' ? 1 : undefined]
    }
    const [all = '', least = '', comma, most = ''] =
      /^\{(\d{1,3})(,?)(\d{0,3})\}/.exec(this.#chars.slice(this.#at, this.#at + 9).join('')) ?? []
    if (all === '') return [1, 1]
    this.#at += all.length
    const from = Number(least)
    const to = comma === '' ? from : most === '' ? undefined : Number(most)
    if (from > MAX_REPEAT || (to ?? 0) > MAX_REPEAT || (to !== undefined && to < from))
      throw new PatternProblem(`a regex repeats at most ${MAX_REPEAT} times`)
    return [from, to]
  }

  #atom(): Node {
    const char = this.#chars[this.#at++] ?? ''
    switch (char) {
      case '^':
        return anchor('start')
      case '$':
        return anchor('end')
      case '.':
        return one(isDot)
      case '[':
        return one(this.#set())
      case '(':
        return this.#group()
      case '\\':
        return one(this.#escaped())
      case '*':
      case '+':
      case '?':
        throw new PatternProblem(`a regex has a "${char}" with nothing before it`)
      default:
        return one(exactly(char))
    }
  }

  #group(): Node {
    if (this.#chars[this.#at] === '?') {
      const kind = /^\?(?::|P?<[A-Za-z_]\w{0,30}>)/.exec(this.#chars.slice(this.#at, this.#at + 40).join(''))?.[0]
      if (kind === undefined)
        throw new PatternProblem('a regex has a lookaround or a flag, which cannot be matched in bounded time')
      this.#at += kind.length
    }
    const inner = this.#alternatives()
    if (this.#chars[this.#at] !== ')') throw new PatternProblem('a regex has a "(" that nothing closes')
    this.#at++
    return inner
  }

  #escaped(): Accepts {
    const char = this.#chars[this.#at++]
    if (char === undefined) throw new PatternProblem('a regex ends with a backslash')
    const known = CLASSES[char]
    if (known !== undefined) return known
    const control = CONTROLS[char]
    if (control !== undefined) return (point) => point === control
    if (char === 'x' || char === 'u') {
      const digits = char === 'x' ? 2 : 4
      const hex = this.#chars.slice(this.#at, this.#at + digits).join('')
      if (!new RegExp(`^[0-9A-Fa-f]{${digits}}$`).test(hex)) throw new PatternProblem(`a regex has a bad \\${char}`)
      this.#at += digits
      return (point) => point === Number.parseInt(hex, 16)
    }
    if (/[A-Za-z0-9]/.test(char)) throw new PatternProblem(`a regex has \\${char}, which is not known here`)
    return exactly(char)
  }

  #set(): Accepts {
    const negated = this.#chars[this.#at] === '^'
    if (negated) this.#at++
    const members: Accepts[] = []
    for (let first = true; first || this.#chars[this.#at] !== ']'; first = false) {
      const from = this.#chars[this.#at++]
      if (from === undefined) throw new PatternProblem('a regex has a "[" that nothing closes')
      if (from === '\\') {
        members.push(this.#escaped())
        continue
      }
      const to = this.#chars[this.#at] === '-' ? this.#chars[this.#at + 1] : undefined
      if (to === undefined || to === ']' || to === '\\') {
        members.push(exactly(from))
        continue
      }
      this.#at += 2
      const [low = 0, high = 0] = [from.codePointAt(0), to.codePointAt(0)]
      if (low > high) throw new PatternProblem(`a regex has the range ${from}-${to}`)
      members.push((point) => point >= low && point <= high)
    }
    this.#at++
    return (point) => members.some((member) => member(point)) !== negated
  }
}

const NOTHING: Node = () => {}

const exactly = (char: string): Accepts => {
  const wanted = char.codePointAt(0)
  return (point) => point === wanted
}

const one =
  (accepts: Accepts): Node =>
  (write, next) => {
    write({ kind: 'char', accepts, next: next() + 1 })
  }

const anchor =
  (kind: 'start' | 'end'): Node =>
  (write, next) => {
    write({ kind, next: next() + 1 })
  }

const either =
  (one: Node, other: Node): Node =>
  (write, next) => {
    const to: number[] = []
    write({ kind: 'split', to })
    to.push(next())
    one(write, next)
    const over: number[] = []
    write({ kind: 'split', to: over })
    to.push(next())
    other(write, next)
    over.push(next())
  }

const loop =
  (node: Node): Node =>
  (write, next) => {
    const to: number[] = []
    const again = write({ kind: 'split', to })
    to.push(next())
    node(write, next)
    write({ kind: 'split', to: [again] })
    to.push(next())
  }
