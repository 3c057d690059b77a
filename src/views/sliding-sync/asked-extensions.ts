import type { Soon } from '#base'
import { isJsonObject, type JsonObject, MatrixError } from '#spec'
import type { News, ToldPositions } from '#streams'
import type { ExtensionAnswer, ExtensionWindow, SlidingExtension } from './extension.ts'
import type { SlidingRequest } from './request.ts'

/** An extension that one request asks for. */
interface Asked {
  readonly name: string
  readonly extension: SlidingExtension
  readonly config: object
  /** It was not asked for in the request before. */
  readonly isNew: boolean
}

export interface ExtensionsAnswer {
  /** The value of `extensions`, as JSON. */
  readonly text: string
  readonly isNews: boolean
  readonly reached: Partial<ToldPositions>
  readonly typingIn: readonly number[] | undefined
}

/** The extensions that a request asks for. Those that are not known are ignored. */
export class AskedExtensions {
  readonly #asked: readonly Asked[]
  /** The same as bits, for the next position. */
  readonly bits: number

  private constructor(asked: readonly Asked[], bits: number) {
    this.#asked = asked
    this.bits = bits
  }

  /** Throws `M_INVALID_PARAM` for a member of another shape. */
  static of(
    extensions: readonly SlidingExtension[],
    { extensions: members, form, pos }: SlidingRequest,
  ): AskedExtensions {
    const asked: Asked[] = []
    let bits = 0
    for (const [index, extension] of extensions.entries()) {
      const name = [extension.name, ...(extension.aliases ?? [])].find((known) => Object.hasOwn(members, known))
      if (name === undefined) continue
      const config = extension.parse(memberOf(members, name), form)
      if (config === undefined) continue
      const bit = 2 ** index
      bits += bit
      asked.push({ name, extension, config, isNew: pos === undefined || Math.floor(pos.extensions / bit) % 2 === 0 })
    }
    return new AskedExtensions(asked, bits)
  }

  concerns(news: News): boolean {
    return this.#asked.some(({ extension }) => extension.concerns(news))
  }

  async begin(viewer: ExtensionWindow['viewer']): Promise<void> {
    for (const { extension, config } of this.#asked) await extension.begin?.(config, viewer)
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
