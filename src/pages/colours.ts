/** Red, green and blue from 0 to 255. */
type Colour = readonly [number, number, number]

const BLACK: Colour = [0, 0, 0]
const WHITE: Colour = [255, 255, 255]
/** The cards of the dark pages. */
const DARK_CARD: Colour = [0x1a, 0x21, 0x1e]
/** "Contrast (Minimum)" of WCAG 2: 4.5 for text. */
const LEAST_CONTRAST = 4.5
const STEPS = 50

const parsed = (hex: string): Colour => {
  const digits = hex.length === 4 ? hex.slice(1).replaceAll(/./g, '$&$&') : hex.slice(1)
  const part = (at: number): number => Number.parseInt(digits.slice(at, at + 2), 16)
  return [part(0), part(2), part(4)]
}
const written = (colour: Colour): string =>
  `#${colour.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`

const luminance = (colour: Colour): number => {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

const contrast = (one: Colour, other: Colour): number => {
  const [a, b] = [luminance(one), luminance(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** The colour with as much of another mixed in as it takes to be read on that ground. */
const readableOn = (ground: Colour, colour: Colour, towards: Colour): Colour => {
  for (let step = 0; step < STEPS; step++) {
    const share = step / STEPS
    const mixed = colour.map((part, at) => part + ((towards[at] as number) - part) * share) as unknown as Colour
    if (contrast(mixed, ground) >= LEAST_CONTRAST) return mixed
  }
  return towards
}

/** The colour `#rgb` or `#rrggbb`, made darker and lighter until links and buttons in it can be read on light and on dark pages. */
export const accentsOf = (hex: string): { readonly onLight: string; readonly onDark: string } => ({
  onLight: written(readableOn(WHITE, parsed(hex), BLACK)),
  onDark: written(readableOn(DARK_CARD, parsed(hex), WHITE)),
})
