import { type Html, html } from '../../html.ts'

export interface Chart {
  readonly title: string
  /** From the oldest to the newest; undefined where nothing was measured. */
  readonly values: readonly (number | undefined)[]
  /** Puts a value into words, with its unit. */
  words(value: number): string
  /** How far back the first value is. */
  readonly spanWords: string
}

const WIDTH = 240
const HEIGHT = 48

const rounded = (number: number): string => String(Math.round(number * 10) / 10)

/** The stretches of values without a gap, as points of the picture. */
const stretchesOf = (values: Chart['values'], most: number): readonly (readonly (readonly [number, number])[])[] => {
  const stretches: [number, number][][] = []
  let open: [number, number][] | undefined
  const step = WIDTH / Math.max(1, values.length - 1)
  for (const [index, value] of values.entries()) {
    if (value === undefined) {
      open = undefined
      continue
    }
    if (open === undefined) {
      open = []
      stretches.push(open)
    }
    open.push([index * step, HEIGHT - (most === 0 ? 0 : (value / most) * HEIGHT)])
  }
  return stretches
}

const pathOf = (points: readonly (readonly [number, number])[]): string =>
  points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${rounded(x)} ${rounded(y)}`).join('')

/** A small chart of one number, from zero to the most that it was. Its words say what the line shows, for those who do not see it. */
export const chartOf = ({ title, values, words, spanWords }: Chart): Html => {
  const there = values.filter((value) => value !== undefined)
  const most = there.reduce((so, value) => Math.max(so, value), 0)
  const least = there.reduce((so, value) => Math.min(so, value), most)
  const newest = there.at(-1)
  const lines = stretchesOf(values, most).map((points) => {
    const line = pathOf(points)
    const [first] = points
    const last = points.at(-1)
    const area = `${line}L${rounded(last?.[0] ?? 0)} ${HEIGHT}L${rounded(first?.[0] ?? 0)} ${HEIGHT}Z`
    return html`<path class="area" d="${area}"/><path class="line" d="${line}"/>`
  })
  return html`<li><h2>${title}</h2>
<p class="value">${newest === undefined ? '–' : words(newest)}</p>
<svg viewBox="0 0 ${String(WIDTH)} ${String(HEIGHT)}" preserveAspectRatio="none" aria-hidden="true"><path class="ground" d="M0 ${String(HEIGHT)}H${String(WIDTH)}"/>${lines}</svg>
<p class="range"><span>${spanWords}</span><span>${newest === undefined ? 'not measured yet' : `${words(least)} to ${words(most)}`}</span></p></li>\n`
}
