import type { Soon } from '#base'
import { isJsonObject, type JsonObject, MatrixError } from '#spec'
import type { News, ToldPositions } from '#streams'
import type { ExtensionAnswer, ExtensionWindow, SlidingExtension } from './extension.ts'
import type { SlidingRequest, WireForm } from './request.ts'

/** An extension that requests with the same body ask for. */
interface Wanted {
  readonly name: string
  readonly extension: SlidingExtension
  readonly config: object
  readonly bit: number
}

/** An extension that one request asks for. */
interface Asked extends Wanted {
  /** It was not asked for in the request before. */
  readonly isNew: boolean
}

interface WantedExtensions {
  readonly wanted: readonly Wanted[]
  readonly bits: number
  /** The extensions of a request that asks for the same as the one before. */
  readonly again: AskedExtensions
}

/** Reads which extensions requests ask for: once for all that have the same body. Those that are not known are ignored. */
export class ExtensionsOfRequests {
  readonly #extensions: readonly SlidingExtension[]
  readonly #known = new WeakMap<JsonObject, WantedExtensions>()

  constructor(extensions: readonly SlidingExtension[]) {
    this.#extensions = extensions
  }

  /** Throws `M_INVALID_PARAM` for a member of another shape. */
  askedBy({ extensions, form, pos }: SlidingRequest): AskedExtensions {
    const known = this.#known.get(extensions)
    const { wanted, bits, again } = known ?? this.#read(extensions, form)
    if (pos === undefined)
      return new AskedExtensions(
        asked(wanted, () => true),
        bits,
      )
    const isNew = (bit: number): boolean => Math.floor(pos.extensions / bit) % 2 === 0
    return wanted.some(({ bit }) => isNew(bit)) ? new AskedExtensions(asked(wanted, isNew), bits) : again
  }

  #read(members: JsonObject, form: WireForm): WantedExtensions {
    const wanted: Wanted[] = []
    let bits = 0
    for (const [index, extension] of this.#extensions.entries()) {
      const name = [extension.name, ...(extension.aliases ?? [])].find((known) => Object.hasOwn(members, known))
      if (name === undefined) continue
      const config = extension.parse(memberOf(members, name), form)
      if (config === undefined) continue
      const bit = 2 ** index
      bits += bit
      wanted.push({ name, extension, config, bit })
    }
    const read = {
      wanted,
      bits,
      again: new AskedExtensions(
        asked(wanted, () => false),
        bits,
      ),
    }
    this.#known.set(members, read)
    return read
  }
}

const asked = (wanted: readonly Wanted[], isNew: (bit: number) => boolean): readonly Asked[] =>
  wanted.map((one) => ({ ...one, isNew: isNew(one.bit) }))

export interface ExtensionsAnswer {
  /** The value of `extensions`, as JSON. */
  readonly text: string
  readonly isNews: boolean
  readonly reached: Partial<ToldPositions>
  readonly typingIn: readonly number[] | undefined
}

/** The extensions that a request asks for. */
export class AskedExtensions {
  readonly #asked: readonly Asked[]
  /** The same as bits, for the next position. */
  readonly bits: number

  constructor(asked: readonly Asked[], bits: number) {
    this.#asked = asked
    this.bits = bits
  }

  concerns(news: News): boolean {
    return this.#asked.some(({ extension }) => extension.concerns(news))
  }

  async begin(viewer: ExtensionWindow['viewer']): Promise<void> {
    for (const { extension, config } of this.#asked) {
      const begun = extension.begin?.(config, viewer)
      if (begun !== undefined) await begun
    }
  }

  /** The answers of all extensions, read one after the other. */
  read(window: ExtensionWindow): Soon<ExtensionsAnswer> {
    const answers: ExtensionAnswer[] = []
    for (const asked of this.#asked) {
      const answer = readOne(asked, window)
      if (answer instanceof Promise) return this.#readRest(window, answers, answer)
      answers.push(answer)
    }
    return this.#joined(answers)
  }

  async #readRest(
    window: ExtensionWindow,
    answers: ExtensionAnswer[],
    next: Promise<ExtensionAnswer>,
  ): Promise<ExtensionsAnswer> {
    answers.push(await next)
    for (const asked of this.#asked.slice(answers.length)) answers.push(await readOne(asked, window))
    return this.#joined(answers)
  }

  #joined(answers: readonly ExtensionAnswer[]): ExtensionsAnswer {
    let text = ''
    let isNews = false
    let reached = NOTHING_REACHED
    let typists: readonly number[] | undefined
    for (const [index, answer] of answers.entries()) {
      const { name } = this.#asked[index] ?? { name: '' }
      if (answer.text !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${answer.text}`
      isNews ||= answer.isNews
      if (answer.reached !== undefined) reached = { ...reached, ...answer.reached }
      typists ??= answer.typingIn
    }
    return { text: `{${text}}`, isNews, reached, typingIn: typists }
  }
}

const NOTHING_REACHED: Partial<ToldPositions> = {}

const readOne = ({ extension, config, isNew }: Asked, window: ExtensionWindow): Soon<ExtensionAnswer> =>
  extension.read(config, isNew ? { ...window, since: undefined } : window)

const memberOf = (members: JsonObject, name: string): JsonObject => {
  const member = members[name]
  if (!isJsonObject(member)) throw new MatrixError('M_INVALID_PARAM', `extensions.${name} is no object`)
  return member
}

/** The rooms with typists after an answer in which nobody told of typing: those of before. */
export const stillTyping = (since: ToldPositions | undefined): readonly number[] => since?.typingIn ?? []
