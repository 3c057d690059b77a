import { cpSync, existsSync, globSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { repositoryRoot } from '../../scripts/cruise.ts'
import { Program, temporaryFolder } from '../flow/operation/cli-fixture.ts'

const fileAt = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8')

const METRIC = /homeroom_[a-z0-9_]+/g
/** The families that a histogram is made of. */
const familyOf = (metric: string): string => metric.replace(/_(?:bucket|sum|count)$/, '')

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[]
}

describe('what watches the server', () => {
  it('names metrics that the server has', async () => {
    const { panels } = JSON.parse(fileAt('packaging/grafana-dashboard.json')) as Dashboard
    const rules = parse(fileAt('packaging/prometheus-alerts.yml')) as { groups: { rules: { expr: string }[] }[] }
    const expressions = [
      ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ...rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr)),
    ]
    const named = new Set(expressions.flatMap((expr) => expr.match(METRIC) ?? []).map(familyOf))
    expect(named.size).toBeGreaterThan(15)

    using folder = temporaryFolder()
    const environment = {
      HOMEROOM_DATA: join(folder.path, 'data'),
      HOMEROOM_PORT: '0',
      HOMEROOM_LISTEN_METRICS_PORT: '0',
    }
    await using server = new Program(['start'], environment)
    const [, address] = await server.printed(/Metrics +(http:\S+)/)
    const text = await (await fetch(`${address}`)).text()
    const families = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name))
    expect([...named].filter((name) => !families.has(name))).toEqual([])
  })
})

describe('the Dockerfile', () => {
  const lines = fileAt('packaging/Dockerfile').split('\n')
  const copied = lines
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from'))
    .flatMap((line) => line.slice(5).split(' ').slice(0, -1))

  it('copies what is there, and what the list of files for the build lets through', () => {
    const allowed = fileAt('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1))
    expect(copied.filter((path) => !existsSync(join(repositoryRoot, path)))).toEqual([])
    expect(copied.toSorted()).toEqual(allowed.toSorted())
  })

  it('copies enough for the server to run', async () => {
    using folder = temporaryFolder()
    for (const path of copied) {
      const to = join(folder.path, path)
      mkdirSync(dirname(to), { recursive: true })
      cpSync(join(repositoryRoot, path), to, { recursive: true })
    }
    symlinkSync(join(repositoryRoot, 'node_modules'), join(folder.path, 'node_modules'))
    expect(globSync('src/**/*.ts', { cwd: folder.path }).length).toBeGreaterThan(500)
    const environment = { HOMEROOM_DATA: join(folder.path, 'data'), HOMEROOM_PORT: '0' }
    await using server = new Program(['start'], environment, folder.path, join(folder.path, 'bin/homeroom.js'))
    const ready = await fetch(`${await server.address()}/health/ready`)
    expect(ready.status).toBe(200)
  })
})
