// Draws docs/architecture.svg: the layers of src from top to bottom and every import between them, as dependency-cruiser
// found them. An import that would point upwards is an error, not a line.
//
//   node scripts/draw-architecture.ts            writes the picture
//   node scripts/draw-architecture.ts --check    fails where the picture on disk is not the one the code gives

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CruisedModule, cruise, repositoryRoot } from './cruise.ts'

/** Who stands lower is imported by who stands higher, never the other way round. */
const topToBottom = [
  ['app', 'wiring, start and stop, command line'],
  ['api', 'one file a resource: path, schemas, auth, limits, handler'],
  ['pages', 'what people see in a browser'],
  ['http', 'the edge: bodies, tokens, rate limits, errors, metrics'],
  ['domain', 'what changes: accounts, rooms, devices, media …'],
  ['outbox', 'what leaves after a commit'],
  ['views', 'read-only answers: sync, timeline, directory'],
  ['net', 'outbound connections'],
  ['streams', 'positions, tokens, wake-ups'],
  ['store', 'every byte that outlives the process'],
  ['rules', 'pure Matrix: events, signatures, auth, state resolution'],
  ['config', 'validated settings'],
  ['spec', 'the protocol as data and types'],
  ['base', 'clock, randomness, logger, locks, caches'],
] as const

export interface Arrow {
  readonly from: string
  readonly to: string
}

const target = join(repositoryRoot, 'docs', 'architecture.svg')
const palette = [
  '#0b7285',
  '#c2255c',
  '#5f3dc4',
  '#2b8a3e',
  '#d9480f',
  '#1864ab',
  '#862e9c',
  '#5c940d',
  '#a61e4d',
  '#364fc7',
]

const barHeight = 40
const gap = 26
const laneWidth = 34
const labelWidth = 470
const margin = 20

function layerOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1]
}

/** Every import between two layers once, in the order of the picture. */
export function findArrows(modules: readonly CruisedModule[]): readonly Arrow[] {
  const order = topToBottom.map(([name]) => name as string)
  const pairs = new Set<string>()
  for (const { source, dependencies } of modules) {
    const from = layerOf(source)
    for (const { resolved } of dependencies) {
      const to = layerOf(resolved)
      if (from !== undefined && to !== undefined && from !== to) pairs.add(`${from} ${to}`)
    }
  }
  return [...pairs]
    .map((pair) => {
      const [from = '', to = ''] = pair.split(' ')
      return { from, to }
    })
    .sort((a, b) => order.indexOf(a.from) - order.indexOf(b.from) || order.indexOf(a.to) - order.indexOf(b.to))
}

/** The arrows that point upwards, or at something that is no layer. */
export function findUpwardArrows(arrows: readonly Arrow[]): readonly Arrow[] {
  const order = topToBottom.map(([name]) => name as string)
  return arrows.filter(({ from, to }) => order.indexOf(from) < 0 || order.indexOf(from) >= order.indexOf(to))
}

/**
 * Layers are bars, one below the other. Each layer that imports has a lane of its own, which leaves its bar at a dot, runs
 * down behind the bars below and has an arrowhead wherever it enters one.
 */
export function drawSvg(arrows: readonly Arrow[]): string {
  const rows = new Map<string, number>(topToBottom.map(([name], index) => [name, index]))
  const sources = topToBottom.map(([name]) => name).filter((name) => arrows.some(({ from }) => from === name))
  const width = margin * 2 + labelWidth + sources.length * laneWidth + 10
  const height = margin * 2 + topToBottom.length * (barHeight + gap) - gap
  const topOf = (layer: string) => margin + (rows.get(layer) ?? 0) * (barHeight + gap)

  const lanes: string[] = []
  const marks: string[] = []
  sources.forEach((source, lane) => {
    const colour = palette[lane % palette.length] ?? '#000'
    const x = margin + labelWidth + lane * laneWidth + laneWidth / 2
    const tops = arrows.filter(({ from }) => from === source).map(({ to }) => topOf(to))
    const start = topOf(source) + barHeight / 2
    lanes.push(`<path d="M${x} ${start}V${Math.max(...tops) - 2}" stroke="${colour}" stroke-width="2" fill="none"/>`)
    marks.push(`<circle cx="${x}" cy="${start}" r="5" fill="${colour}"/>`)
    marks.push(`<path d="M${x} ${start}V${start + barHeight / 2}" stroke="${colour}" stroke-width="2" fill="none"/>`)
    for (const top of tops) marks.push(`<path d="M${x - 6} ${top - 9}h12l-6 9z" fill="${colour}"/>`)
  })

  const bars = topToBottom.map(([name, what]) => {
    const y = topOf(name)
    return [
      `<rect x="${margin}" y="${y}" width="${width - 2 * margin}" height="${barHeight}" rx="6" fill="#f1f3f5" stroke="#adb5bd"/>`,
      `<text x="${margin + 14}" y="${y + 25}" font-weight="bold">${name}</text>`,
      `<text x="${margin + 96}" y="${y + 25}" fill="#495057">${what}</text>`,
    ].join('\n')
  })

  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="14">`,
    '<title>The layers of Homeroom and what they import</title>',
    `<desc>${arrows.map(({ from, to }) => `${from} imports ${to}`).join('; ')}</desc>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...lanes,
    ...bars,
    ...marks,
    '</svg>',
    '',
  ].join('\n')
}

/** The picture as the code has it now. Throws where an arrow would point upwards. */
export function drawFromCode(): string {
  const arrows = findArrows(cruise(repositoryRoot).modules)
  if (arrows.length === 0) throw new Error('no import between layers was found: dependency-cruiser read nothing')
  const upward = findUpwardArrows(arrows)
  if (upward.length > 0) {
    throw new Error(`imports that point upwards: ${upward.map(({ from, to }) => `${from} → ${to}`).join(', ')}`)
  }
  return drawSvg(arrows)
}

/** True where the picture on disk is the one that the code gives. */
export function isPictureCurrent(): boolean {
  return existsSync(target) && readFileSync(target, 'utf8') === drawFromCode()
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) {
    writeFileSync(target, drawFromCode())
  } else if (!isPictureCurrent()) {
    console.error('docs/architecture.svg is not what the code gives; run: node scripts/draw-architecture.ts')
    process.exitCode = 1
  }
}
