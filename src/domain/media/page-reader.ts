import { type Clock, yieldToEventLoop } from '#base'

/** The metadata of a page. */
export interface PageFacts {
  /** Properties by name (`og:type`), without those of pictures. */
  readonly properties: ReadonlyMap<string, string>
  readonly title: string | undefined
  readonly description: string | undefined
  /** The addresses of its pictures as written in the page, the best first. */
  readonly images: readonly string[]
  /** The base of its relative addresses; undefined: its own address. */
  readonly base: string | undefined
}

export const MAX_TEXT = 2_000
/** The part of a page that is read; metadata stands at the beginning. */
const MAX_PAGE_CHARACTERS = 3 * 1024 * 1024
/** Depth of elements; real pages stay far below. */
const MAX_DEPTH = 400
/** Characters parsed in one step, which takes about a millisecond. */
const SLICE = 8_192
/** Characters parsed before the event loop gets a turn. */
const STRETCH = 16 * SLICE
const MAX_PROPERTIES = 25
/** The limit of all values but title and description. Most are addresses, which cannot be cut: longer ones are left out. */
const MAX_PROPERTY = 1_000
const MAX_METAS = 200
const MAX_IMAGES = 3
/** Characters of the text that serve as a description. */
const EXCERPT = 500
const GATHERED = 4 * EXCERPT

const PROPERTY = /^(?:og|article|profile|book):[a-z0-9_:.-]{1,60}$/
const IMAGE_PROPERTY = /^og:image(?::|$)/
const DESCRIPTIONS = ['og:description', 'twitter:description', 'description']
const TITLES = ['og:title', 'twitter:title']
const IMAGES = ['og:image:secure_url', 'og:image', 'og:image:url', 'twitter:image', 'twitter:image:src', 'image']
/** Elements whose text is not part of the page's own text. */
const SILENT: ReadonlySet<string> = new Set([
  ...['script', 'style', 'noscript', 'template', 'svg', 'math', 'iframe', 'object', 'canvas', 'head', 'title'],
  ...['nav', 'header', 'footer', 'aside', 'form', 'select', 'textarea', 'button', 'dialog', 'menu'],
])
const INLINE: ReadonlySet<string> = new Set(['a', 'abbr', 'b', 'bdi', 'bdo', 'cite', 'code', 'em', 'i', 'kbd', 'mark'])
const INLINE_TOO: ReadonlySet<string> = new Set(['q', 's', 'small', 'span', 'strong', 'sub', 'sup', 'u', 'var', 'wbr'])

/**
 * Reads a page as it arrives, and only as far as needed. Broken, endless and deeply nested pages cost no more than others: the
 * metadata found until then counts.
 */
export const readPage = async (texts: AsyncIterable<string>, clock: Clock): Promise<PageFacts> => {
  const { Parser } = await import('htmlparser2')
  const reader = new PageReader()
  const parser = new Parser(reader)
  let read = 0
  let breathed = 0
  for await (const text of texts) {
    for (let from = 0; from < text.length; from += SLICE) {
      const slice = text.slice(from, from + SLICE)
      parser.write(slice)
      read += slice.length
      if (reader.done || read > MAX_PAGE_CHARACTERS) return reader.facts()
      if (read - breathed < STRETCH) continue
      breathed = read
      await yieldToEventLoop(clock)
    }
  }
  parser.end()
  return reader.facts()
}

type Attributes = Readonly<Record<string, string>>

class PageReader {
  readonly #metas = new Map<string, string>()
  readonly #linked: string[] = []
  #base: string | undefined
  #title = ''
  #heading = ''
  #text = ''
  #depth = 0
  /** Depth of the outermost open element of `SILENT`. */
  #silentFrom: number | undefined
  /** Number of open drawings, which have titles of their own. */
  #drawings = 0
  #within: 'title' | 'heading' | undefined
  done = false

  onopentag(name: string, attributes: Attributes): void {
    if (this.done) return
    this.#depth++
    if (this.#depth > MAX_DEPTH) {
      this.done = true
      return
    }
    if (name === 'body' && this.#isKnown()) this.done = true
    if (SILENT.has(name)) this.#silentFrom ??= this.#depth
    if (!INLINE.has(name) && !INLINE_TOO.has(name)) this.#gather(' ')
    if (name === 'svg') this.#drawings++
    else if (name === 'meta') this.#meta(attributes)
    else if (name === 'link' && attributes.rel?.toLowerCase() === 'image_src') this.#linked.push(attributes.href ?? '')
    else if (name === 'base') this.#base ??= attributes.href
    else if (name === 'title' && this.#title === '' && this.#drawings === 0) this.#within = 'title'
    else if (name === 'h1' && this.#heading === '') this.#within = 'heading'
  }

  onclosetag(name: string): void {
    if (this.done) return
    if (this.#silentFrom === this.#depth) this.#silentFrom = undefined
    this.#depth--
    if (name === 'title' || name === 'h1') this.#within = undefined
    else if (name === 'svg') this.#drawings--
    if (!INLINE.has(name) && !INLINE_TOO.has(name)) this.#gather(' ')
  }

  ontext(text: string): void {
    if (this.done) return
    if (this.#within === 'title' && this.#title.length < MAX_TEXT) this.#title += text
    else if (this.#within === 'heading' && this.#heading.length < MAX_TEXT) this.#heading += text
    if (this.#silentFrom === undefined) this.#gather(text)
  }

  /** Collapses blanks, which could otherwise be endless. */
  #gather(text: string): void {
    const words = squeeze(text.slice(0, GATHERED))
    this.#text += this.#text.endsWith(' ') ? words.trimStart() : words
    if (this.#text.length > GATHERED) this.done = true
  }

  facts(): PageFacts {
    const properties = new Map<string, string>()
    for (const [name, value] of this.#metas) {
      if (!PROPERTY.test(name) || IMAGE_PROPERTY.test(name)) continue
      if (TITLES.includes(name) || DESCRIPTIONS.includes(name) || value.length > MAX_PROPERTY) continue
      if (properties.size < MAX_PROPERTIES) properties.set(name, value)
    }
    const imageText = this.#first(['og:image:alt', 'twitter:image:alt'])
    if (imageText !== undefined && imageText.length <= MAX_PROPERTY) properties.set('og:image:alt', imageText)
    const images = [...IMAGES.map((name) => this.#metas.get(name) ?? ''), ...this.#linked]
    return {
      properties,
      title: this.#first(TITLES) ?? (cleanText(this.#title) || cleanText(this.#heading) || undefined),
      description: this.#first(DESCRIPTIONS) ?? excerptOf(this.#text),
      images: [...new Set(images)].filter((image) => image !== '').slice(0, MAX_IMAGES),
      base: this.#base,
    }
  }

  /** Whether everything is known, so that the body need not be read. */
  #isKnown(): boolean {
    return (this.#title !== '' || this.#first(TITLES) !== undefined) && this.#first(DESCRIPTIONS) !== undefined
  }

  #first(names: readonly string[]): string | undefined {
    return names.map((name) => this.#metas.get(name)).find((value) => value !== undefined)
  }

  /** The first of several values counts, as it does for other readers. */
  #meta({ property, name, itemprop, content = '' }: Attributes): void {
    const key = (property ?? name ?? itemprop ?? '').trim().toLowerCase()
    const value = cleanText(content)
    if (key === '' || key.length > 80 || value === '' || this.#metas.has(key)) return
    if (this.#metas.size < MAX_METAS) this.#metas.set(key, value)
  }
}

const squeeze = (text: string): string => text.replaceAll(/\s+/gu, ' ')

/** Makes a text one line that can be stored and shown, of at most 2,000 characters. */
export const cleanText = (text: string): string =>
  shorten(
    squeeze(text.slice(0, 4 * MAX_TEXT))
      .replaceAll(/\p{Cc}/gu, '')
      .trim(),
    MAX_TEXT,
  )

/** Shortens a text without cutting a character in two. */
const shorten = (text: string, limit: number): string =>
  text
    .slice(0, limit)
    .toWellFormed()
    .replace(/\uFFFD$/u, '')

const excerptOf = (text: string): string | undefined => {
  const clean = cleanText(text)
  if (clean.length <= EXCERPT) return clean === '' ? undefined : clean
  const cut = shorten(clean, EXCERPT)
  const lastSpace = cut.lastIndexOf(' ')
  return `${lastSpace > EXCERPT / 2 ? cut.slice(0, lastSpace) : cut}…`
}
