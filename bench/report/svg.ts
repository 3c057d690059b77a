import type { Report } from '../run/results.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { type ChartGroup, type ChartRow, chartGroups } from './chart-rows.ts'
import { formatBytes, formatMs } from './format.ts'
import { fitText, fontFamily, svgDot, svgLine, svgRect, svgText, textWidth } from './svg-text.ts'

/** Columns from left to right: case, bar with its figure, latency on one logarithmic scale, p50 and p99 as figures. */
const width = 1120
const margin = 28
const labelLeft = margin
const labelWidth = 224
const barLeft = labelLeft + labelWidth + 12
const barWidth = 236
const barFigureWidth = 68
const scaleLeft = barLeft + barWidth + barFigureWidth + 20
const figuresWidth = 130
const scaleRight = width - margin - figuresWidth
const rowHeight = 22
const groupGap = 20
const groupHead = 30
const headHeight = 118
const footHeight = 36

const ink = '#1f2933'
const faint = '#6b7785'
const grid = '#e3e8ee'
const stripe = '#f4f6f9'
const limitInk = '#b42318'
const targetColours = ['#2b6cb0', '#c05621'] as const
const machineColour = '#8895a7'

/** A logarithmic scale over whole decades of milliseconds. */
type Scale = { leastMs: number; mostMs: number; at: (ms: number) => number }

/** The report as one self-contained SVG document: no scripts, no outside fonts, light background. */
export function renderSvg(report: Report, scenarios: readonly Scenario[]): string {
  const groups = chartGroups(report, scenarios)
  const scale = latencyScale(groups)
  const rowsHeight = groups.reduce((sum, group) => sum + groupHead + group.rows.length * rowHeight + groupGap, 0)
  const height = headHeight + rowsHeight + footHeight
  const parts = [header(report)]
  let y = headHeight
  for (const group of groups) {
    parts.push(drawGroup(group, y, scale))
    y += groupHead + group.rows.length * rowHeight + groupGap
  }
  parts.push(footer(report, y))
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${fontFamily}" role="img">`,
    '<title>Matrix homeserver benchmark</title>',
    svgRect(0, 0, width, height, '#ffffff'),
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}

function latencyScale(groups: readonly ChartGroup[]): Scale {
  const values = groups.flatMap((group) =>
    group.rows.flatMap(({ latency }) => (latency === undefined ? [] : [latency.p50, latency.max])),
  )
  const positive = values.filter((value) => value > 0)
  const least = positive.length === 0 ? 1 : Math.min(...positive)
  const most = positive.length === 0 ? 10 : Math.max(...positive)
  const from = Math.floor(Math.log10(least))
  const to = Math.max(from + 1, Math.ceil(Math.log10(most)))
  return {
    leastMs: 10 ** from,
    mostMs: 10 ** to,
    at: (ms) => {
      const share = (Math.log10(Math.max(ms, 10 ** from)) - from) / (to - from)
      return scaleLeft + Math.min(1, share) * (scaleRight - scaleLeft)
    },
  }
}

function header(report: Report): string {
  const room = width - 2 * margin
  const { settings } = report
  const pinnedTo = [
    settings.serverCpu === undefined ? [] : [`server on core ${settings.serverCpu}`],
    settings.loadCpu === undefined ? [] : [`bench on core ${settings.loadCpu}`],
  ].flat()
  const run = [
    `scale ${settings.scale}`,
    `${settings.seconds} s a stretch`,
    `rounds: ${settings.rounds}`,
    ...pinnedTo,
  ].join(' · ')
  const titleText = settings.targets.map((target) => target.label).join(' and ')
  const parts = [
    svgText(margin, 40, fitText(`Homeserver benchmark: ${titleText}`, 22, room), { size: 22, weight: 600, fill: ink }),
    svgText(margin, 62, fitText(run, 12.5, room), { size: 12.5, fill: faint }),
  ]
  let x = margin
  settings.targets.forEach((target, index) => {
    const text = fitText(`${target.label} (${target.url})`, 12, 300)
    parts.push(svgRect(x, 79, 12, 12, targetColours[index] ?? machineColour, 2), svgText(x + 18, 89, text))
    x += 18 + textWidth(text, 12) + 24
  })
  parts.push(latencyKey())
  return parts.join('\n')
}

/** Explains the marks of the latency column, right-aligned in the header. */
function latencyKey(): string {
  const y = 85
  const x = width - margin - 232
  return [
    svgLine(x, y, x + 210, y, machineColour, 1),
    svgLine(x, y, x + 150, y, machineColour, 3),
    svgDot(x, y, 4.5, machineColour),
    svgLine(x + 90, y - 5, x + 90, y + 5, machineColour, 2),
    svgDot(x + 150, y, 4.5, '#ffffff', machineColour),
    svgLine(x + 210, y - 3, x + 210, y + 3, machineColour, 1),
    ...(['p50', 'p95', 'p99', 'max'] as const).map((name, index) =>
      svgText(x + ([0, 90, 150, 210][index] ?? 0), y + 19, name, { size: 11, anchor: 'middle', fill: faint }),
    ),
  ].join('\n')
}

function drawGroup(group: ChartGroup, top: number, scale: Scale): string {
  const rowsTop = top + groupHead
  const bottom = rowsTop + group.rows.length * rowHeight
  const hasLatency = group.rows.some((row) => row.latency !== undefined)
  const hasLimit = group.rows.some((row) => row.bar?.limit !== undefined)
  const barTitle = hasLimit ? `${group.barTitle} (red: one core's limit)` : group.barTitle
  const parts = [
    svgText(
      labelLeft,
      top + 19,
      fitText(group.title, 14, group.barTitle === '' ? scaleLeft - labelLeft - 40 : labelWidth),
      { size: 14, weight: 600, fill: ink },
    ),
    svgText(barLeft, top + 19, fitText(barTitle, 11, barWidth + barFigureWidth), { size: 11, fill: faint }),
  ]
  // Bands go by case, so that two targets' lines of one case stand on one ground.
  let band = 0
  group.rows.forEach((row, index) => {
    if (row.label !== '') band += 1
    if (band % 2 === 0) return
    parts.push(svgRect(margin - 6, rowsTop + index * rowHeight, width - 2 * margin + 12, rowHeight, stripe))
  })
  if (hasLatency) parts.push(latencyGrid(scale, top, rowsTop, bottom))
  const most = Math.max(...group.rows.flatMap(({ bar }) => (bar === undefined ? [] : [bar.value, bar.limit ?? 0])), 0)
  group.rows.forEach((row, index) => {
    parts.push(drawRow(row, rowsTop + index * rowHeight, most, scale))
  })
  return parts.join('\n')
}

function latencyGrid(scale: Scale, top: number, rowsTop: number, bottom: number): string {
  const parts: string[] = []
  const decades = Math.round(Math.log10(scale.mostMs / scale.leastMs))
  for (let decade = 0; decade <= decades; decade += 1) {
    const ms = scale.leastMs * 10 ** decade
    const x = scale.at(ms)
    parts.push(svgLine(x, rowsTop, x, bottom, grid))
    parts.push(svgText(x, top + 19, tickText(ms), { size: 11, anchor: 'middle', fill: faint }))
  }
  parts.push(svgText(width - margin, top + 19, 'p50 · p99', { size: 11, anchor: 'end', fill: faint }))
  return parts.join('\n')
}

function tickText(ms: number): string {
  return ms >= 1000 ? `${Math.round(ms / 1000)} s` : `${Number(ms.toPrecision(1))} ms`
}

function drawRow(row: ChartRow, top: number, most: number, scale: Scale): string {
  const middle = top + rowHeight / 2
  const colour = targetColours[row.target] ?? machineColour
  const parts = [svgText(labelLeft, middle + 4, fitText(row.label, 12, labelWidth), { fill: ink })]
  if (row.bar !== undefined && most > 0) {
    const length = Math.max(1, (row.bar.value / most) * barWidth)
    parts.push(svgRect(barLeft, middle - 6, length, 12, colour, 2))
    let figureLeft = barLeft + length + 7
    if (row.bar.limit !== undefined) {
      const limitX = barLeft + (row.bar.limit / most) * barWidth
      parts.push(svgLine(limitX, middle - 9, limitX, middle + 9, limitInk, 2))
      // The figure stands behind the mark where it would otherwise run across it.
      const reaches = figureLeft + textWidth(row.bar.text, 12)
      if (limitX >= figureLeft - 5 && limitX <= reaches + 3) figureLeft = limitX + 7
    }
    parts.push(svgText(figureLeft, middle + 4, row.bar.text, { weight: 600, fill: ink }))
  }
  if (row.latency !== undefined) {
    const at = scale.at
    const { p50, p95, p99, max } = row.latency
    parts.push(
      svgLine(at(p50), middle, at(max), middle, colour, 1),
      svgLine(at(p50), middle, at(p99), middle, colour, 3),
      svgLine(at(max), middle - 3, at(max), middle + 3, colour, 1),
      svgLine(at(p95), middle - 5, at(p95), middle + 5, colour, 2),
      svgDot(at(p99), middle, 4, '#ffffff', colour),
      svgDot(at(p50), middle, 4.5, colour),
      svgText(width - margin, middle + 4, `${formatMs(p50)} · ${formatMs(p99)}`, {
        size: 11.5,
        anchor: 'end',
        fill: ink,
      }),
    )
  }
  return parts.join('\n')
}

function footer(report: Report, y: number): string {
  const { machine } = report
  const text = `${report.startedAt} · ${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)} · ${machine.system} · Node ${machine.node}`
  return svgText(margin, y + 12, fitText(text, 11, width - 2 * margin), { size: 11, fill: faint })
}
