import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { renderSvg } from '../../bench/report/svg.ts'
import { escapeXml, fitText, textWidth } from '../../bench/report/svg-text.ts'
import { renderTable } from '../../bench/report/table.ts'
import { renderText } from '../../bench/report/text.ts'
import { scenarios } from '../../bench/scenarios/index.ts'
import { sampleReport, sampleResult } from './sample-report.ts'

/** Every scenario, two targets, with names and figures of awkward lengths. */
const fullReport = sampleReport(
  scenarios.flatMap((scenario) =>
    ['one after another', 'by 64 workers', 'a case with a name that is far too long for its column'].flatMap(
      (name, index) =>
        ['A <b>', 'B & "co"'].map((target) =>
          sampleResult({
            scenario: scenario.name,
            case: name,
            target,
            ratePerSecond: 1234.5 * 10 ** index,
            latencyMs: { count: 5, p50: 0.04 * 10 ** index, p95: 80, p99: 4000, max: 29_000, mean: 90 },
            server: { cpuMs: 1, cores: 0.5, rssBytes: 123_456_789, peakRssBytes: 2e8, threads: 11, processes: 1 },
          }),
        ),
    ),
  ),
  ['A <b>', 'B & "co"'],
)

type Box = { text: string; left: number; right: number; baseline: number; size: number }

/** The elements still open at the end, and anything between tags that XML forbids. */
function wellFormedness(document: string): { open: string[]; stray: string[] } {
  const open: string[] = []
  const stray: string[] = []
  let rest = document.replace(/^<\?xml [^?]*\?>/, '')
  for (let tag = /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/.exec(rest); tag !== null; ) {
    const between = rest.slice(0, tag.index)
    if (/[<>]|&(?!amp;|lt;|gt;|quot;)/.test(between + tag[3])) stray.push(between)
    if (tag[1] === '/') {
      if (open.pop() !== tag[2]) stray.push(tag[0])
    } else if (tag[4] !== '/') {
      open.push(tag[2] ?? '')
    }
    rest = rest.slice(tag.index + tag[0].length)
    tag = /<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/.exec(rest)
  }
  if (rest.trim() !== '') stray.push(rest)
  return { open, stray }
}

function textBoxes(document: string): Box[] {
  return [
    ...document.matchAll(/<text x="([\d.]+)" y="([\d.]+)" font-size="([\d.]+)" text-anchor="(\w+)"[^>]*>([^<]*)</g),
  ].map(([, x, y, fontSize, anchor, escaped]) => {
    const text = (escaped ?? '').replace(/&\w+;/g, '&')
    const size = Number(fontSize)
    const wide = textWidth(text, size)
    const left = Number(x) - (anchor === 'middle' ? wide / 2 : anchor === 'end' ? wide : 0)
    return { text, left, right: left + wide, baseline: Number(y), size }
  })
}

describe('the chart', () => {
  it('is well-formed, whatever the names hold', () => {
    expect(wellFormedness(renderSvg(fullReport, scenarios))).toEqual({ open: [], stray: [] })
    expect(wellFormedness('<svg><text>a & b</svg>').stray).not.toEqual([])
  })

  it('keeps every text inside the picture and off every other text', () => {
    const document = renderSvg(fullReport, scenarios)
    const [, width, height] = (/viewBox="0 0 (\d+) (\d+)"/.exec(document) ?? []).map(Number)
    const boxes = textBoxes(document)
    expect(boxes.length).toBeGreaterThan(100)
    const outside = boxes.filter((box) => box.left < 0 || box.right > (width ?? 0) || box.baseline > (height ?? 0))
    expect(outside).toEqual([])
    const overlaps = boxes.flatMap((a, index) =>
      boxes
        .slice(index + 1)
        .filter((b) => a.left < b.right && b.left < a.right)
        .filter((b) => Math.abs(a.baseline - b.baseline) < Math.min(a.size, b.size))
        .map((b) => [a.text, b.text]),
    )
    expect(overlaps).toEqual([])
  })

  it('is drawn of a report without any result, too', () => {
    expect(wellFormedness(renderSvg(sampleReport([]), scenarios))).toEqual({ open: [], stray: [] })
  })
})

describe('text in the chart', () => {
  it('never holds what XML forbids', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeXml(text)).not.toMatch(/[<>"]|&(?!amp;|lt;|gt;|quot;)|[\p{Cc}\uFFFE\uFFFF]|\p{Cs}/u)
      }),
    )
  })

  it('is shortened to what fits', () => {
    expect(fitText('short', 12, 200)).toBe('short')
    const fitted = fitText('a case with a name that is far too long', 12, 80)
    expect(fitted).toMatch(/^a case.*…$/)
    expect(textWidth(fitted, 12)).toBeLessThanOrEqual(80)
  })
})

describe('tables', () => {
  it('align their columns and keep a cell from breaking its row', () => {
    const table = renderTable(
      [
        { title: 'case', align: 'left' },
        { title: 'n', align: 'right' },
      ],
      [
        ['a|b\nc', '1'],
        ['d', '1,000'],
      ],
    )
    expect(table.split('\n')).toEqual([
      '| case   |     n |',
      '| ------ | ----: |',
      '| a\\|b c |     1 |',
      '| d      | 1,000 |',
    ])
  })

  it('of the whole report hold every scenario, the limits, the nearness and the ratios', () => {
    const text = renderText(fullReport, scenarios)
    for (const scenario of scenarios) expect(text).toContain(`## ${scenario.title}\n`)
    for (const heading of ["The machine's own limits", 'How near', 'B & "co" against A <b>'])
      expect(text).toContain(heading)
  })

  it('say when a figure cannot be trusted', () => {
    const text = renderText(
      sampleReport([
        sampleResult({ case: 'by 10 workers', limited: 7, errors: 7, firstError: 'answered 429' }),
        sampleResult({ case: 'by 64 workers', loadCores: 0.99 }),
      ]),
      scenarios,
    )
    expect(text).toContain('A, by 10 workers: 7 requests were refused with 429')
    expect(text).toContain("A, by 64 workers: the bench's own core was full")
  })
})
