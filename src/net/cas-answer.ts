/** The answer of `/proxyValidate` to a ticket. Its origin is sure, its content is untrusted. */
export type CasAnswer =
  | {
      readonly kind: 'success'
      readonly user: string
      /** The values of each attribute, by its name without prefix. */
      readonly attributes: ReadonlyMap<string, readonly string[]>
    }
  /** `code`: as CAS names it, `INVALID_TICKET` for one. */
  | { readonly kind: 'failure'; readonly code: string }
  | { readonly kind: 'garbage'; readonly why: string }

const MAX_DEPTH = 16
const MAX_ELEMENTS = 2_000
const MAX_ATTRIBUTE_NAME = 255
const NAMESPACE = 'http://www.yale.edu/tp/cas'

const ROOT = 'serviceResponse'
const SUCCESS = `${ROOT}/authenticationSuccess`
const FAILURE = `${ROOT}/authenticationFailure`
const USER = `${SUCCESS}/user`
const ATTRIBUTES = `${SUCCESS}/attributes`
const PROXIES = `${SUCCESS}/proxies`

/**
 * Reads the XML of CAS protocol 2 and 3, strictly: the user must be named once, in the right place, as plain text. Only the five entities of
 * XML itself are resolved, and a document type, which could declare others, is refused.
 */
export const readCasAnswer = async (text: string): Promise<CasAnswer> => {
  // Loaded with the first ticket, to keep idle memory low.
  const { Parser } = await import('htmlparser2')
  const reading = new Reading()
  const parser = new Parser(
    {
      onopentag: (name, attributes) => reading.open(name, attributes),
      ontext: (part) => reading.text(part),
      onclosetag: (_name, implied) => reading.close(implied),
      onprocessinginstruction: (name) => {
        if (name.startsWith('!')) reading.refuse('it has a document type')
      },
      onerror: ({ message }) => reading.refuse(message),
    },
    { xmlMode: true, decodeEntities: true },
  )
  parser.end(text)
  return reading.answer()
}

/** Names may come with the prefix of their namespace, whatever it is. */
const localNameOf = (name: string): string => name.slice(name.indexOf(':') + 1)

class Reading {
  #why: string | undefined
  #elements = 0
  /** The local names of the elements that are open, from the root on. */
  readonly #path: string[] = []
  #text = ''
  readonly #users: string[] = []
  readonly #codes: string[] = []
  readonly #attributes = new Map<string, string[]>()
  readonly #seen = new Map<string, number>()

  refuse(why: string): void {
    this.#why ??= why
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    if (this.#why !== undefined) return
    if (this.#path.length === 0 && this.#elements > 0) this.refuse('it has more than one root')
    if (this.#path.length === MAX_DEPTH || ++this.#elements > MAX_ELEMENTS) this.refuse('it is too deep or too long')
    if (this.#isPlain()) this.refuse('there are elements where only text may be')
    this.#path.push(localNameOf(name))
    this.#text = ''
    const at = this.#path.join('/')
    if (at === ROOT && !Object.values(attributes).includes(NAMESPACE)) this.refuse('it is of another namespace')
    if (at === FAILURE) this.#codes.push((attributes.code ?? '').replaceAll(/[^\w-]/g, '').slice(0, 64))
    this.#seen.set(at, (this.#seen.get(at) ?? 0) + 1)
  }

  text(part: string): void {
    if (this.#why === undefined) this.#text += part
  }

  close(implied: boolean): void {
    if (implied) this.refuse('an element does not end')
    if (this.#why !== undefined) return
    const at = this.#path.join('/')
    if (at === USER) this.#users.push(this.#text.trim())
    const name = this.#path.at(-1) ?? ''
    if (this.#path.length === 4 && at.startsWith(`${ATTRIBUTES}/`) && name.length <= MAX_ATTRIBUTE_NAME) {
      this.#attributes.set(name, [...(this.#attributes.get(name) ?? []), this.#text.trim()])
    }
    this.#path.pop()
  }

  answer(): CasAnswer {
    const [user] = this.#users
    const [code] = this.#codes
    if (this.#why !== undefined) return { kind: 'garbage', why: this.#why }
    const verdicts = this.#count(SUCCESS) + this.#count(FAILURE)
    if (verdicts !== 1) return { kind: 'garbage', why: `it holds ${verdicts} verdicts` }
    if (code !== undefined) return { kind: 'failure', code }
    if (user === undefined || this.#users.length !== 1) return { kind: 'garbage', why: 'it does not name one user' }
    // A ticket that another service got in the person's name. No list says which services may, so none may.
    if (this.#count(PROXIES) > 0) return { kind: 'garbage', why: 'it is the ticket of a proxy' }
    return { kind: 'success', user, attributes: this.#attributes }
  }

  #count(path: string): number {
    return this.#seen.get(path) ?? 0
  }

  /** Whether the innermost open element may hold nothing but text. */
  #isPlain(): boolean {
    return this.#path.join('/') === USER
  }
}
