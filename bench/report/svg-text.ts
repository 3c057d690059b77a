/** Widths are estimated, since nothing here can ask a font: wide enough for the fonts in `fontFamily`. */
const widthPerSize = 0.56

export const fontFamily = 'Inter, system-ui, -apple-system, Segoe UI, Roboto, Helvetica, Arial, sans-serif'

export type TextStyle = { size?: number; anchor?: 'start' | 'middle' | 'end'; weight?: number; fill?: string }

export function textWidth(text: string, size: number): number {
  return text.length * size * widthPerSize
}

/** Shortened with an ellipsis to what fits. */
export function fitText(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text
  return `${text.slice(0, Math.max(0, Math.floor(width / (size * widthPerSize)) - 1)).trimEnd()}…`
}

/** Escapes for XML text and attributes, and blanks what XML 1.0 forbids. */
export function escapeXml(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

export function svgText(x: number, y: number, text: string, style: TextStyle = {}): string {
  const { size = 12, anchor = 'start', weight = 400, fill = '#1f2933' } = style
  const attributes = `x="${round(x)}" y="${round(y)}" font-size="${size}" text-anchor="${anchor}" font-weight="${weight}" fill="${fill}"`
  return `<text ${attributes}>${escapeXml(text)}</text>`
}

export function svgLine(x1: number, y1: number, x2: number, y2: number, stroke: string, width = 1): string {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${stroke}" stroke-width="${width}"/>`
}

export function svgRect(x: number, y: number, width: number, height: number, fill: string, radius = 0): string {
  const size = `width="${round(Math.max(0, width))}" height="${round(Math.max(0, height))}"`
  return `<rect x="${round(x)}" y="${round(y)}" ${size} rx="${radius}" fill="${fill}"/>`
}

export function svgDot(x: number, y: number, radius: number, fill: string, stroke = 'none'): string {
  return `<circle cx="${round(x)}" cy="${round(y)}" r="${radius}" fill="${fill}" stroke="${stroke}" stroke-width="1.5"/>`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
