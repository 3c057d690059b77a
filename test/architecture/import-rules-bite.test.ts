import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cruise, cruise, repositoryRoot } from '../../scripts/cruise.ts'

/**
 * A rule that matches nothing passes for ever. So each is shown a tree of files that breaks it: on the left the file and
 * what it holds, on the right the rules that must object to it, and no other.
 */
const breaches: readonly (readonly [file: string, source: string, rules: readonly string[]])[] = [
  ['src/base/below-spec.ts', `import { a } from '#spec'`, ['base-imports']],
  ['src/rules/asks-store.ts', `import { a } from '#store'`, ['rules-imports']],
  ['src/rules/asks-store-for-type.ts', `import type { a } from '#store'`, ['rules-imports']],
  ['src/rules/hands-on-type.ts', `export type { a } from '#store'`, ['rules-imports']],
  ['src/rules/reads-disk.ts', `import { readFileSync } from 'node:fs'`, ['rules-are-pure']],
  ['src/rules/hashes.ts', `import { createHash } from 'node:crypto'`, []],
  ['src/store/asks-rules.ts', `import { a } from '#rules'`, ['store-imports']],
  ['src/net/asks-rules.ts', `import { a } from '#rules'`, []],
  ['src/net/asks-store.ts', `import { a } from '#store'`, ['net-imports']],
  ['src/views/asks-net.ts', `import { a } from '#net'`, ['views-imports']],
  ['src/views/asks-domain.ts', `import { a } from '#domain'`, ['views-imports']],
  ['src/outbox/asks-views.ts', `import { a } from '#views'`, ['outbox-imports']],
  ['src/http/asks-config.ts', `import { a } from '#config'`, ['http-imports']],
  ['src/pages/asks-domain.ts', `import { a } from '#domain'`, ['pages-imports']],
  ['src/pages/answers.ts', `import { a } from '#http'`, []],
  ['src/http/asks-pages.ts', `import { a } from '#pages'`, ['http-imports']],
  ['src/api/asks-store.ts', `import { a } from '#store'`, ['api-imports']],
  ['src/api/asks-lazily.ts', `export const later = () => import('#rules')`, ['api-imports']],
  ['src/api/asks-app.ts', `import { a } from '#app'`, ['api-imports', 'app-is-the-top']],
  ['src/views/by-path.ts', `import { a } from '../rules/index.ts'`, ['through-the-alias']],
  ['src/views/by-deep-path.ts', `import { a } from '../rules/hashes.ts'`, ['alias-is-the-index', 'through-the-alias']],
  ['src/views/own-index.ts', `import { a } from '#views'`, ['not-through-the-own-index']],
  ['src/views/speaks-sql.ts', `import { Kysely } from 'kysely'`, ['sql-in-store-only']],
  ['src/views/opens-sqlite.ts', `import { DatabaseSync } from 'node:sqlite'`, ['sql-in-store-only']],
  ['src/store/speaks-sql.ts', `import { Kysely } from 'kysely'`, []],
  ['src/http/tests-itself.ts', `import { test } from 'vitest'`, ['declared-packages-only']],
  ['src/http/nowhere.ts', `import { a } from './not-there.ts'`, ['declared-packages-only', 'resolvable']],
  ['src/http/nowhere-alias.ts', `import { a } from '#unknown'`, ['declared-packages-only', 'resolvable']],
  ['src/domain/rooms/asks-media.ts', `import { a } from '../media/media.ts'`, ['domain-siblings']],
  ['src/domain/rooms/asks-media-type.ts', `import type { a } from '../media/media.ts'`, ['domain-siblings']],
  ['src/domain/rooms/asks-flows.ts', `import { a } from '../flows/register.ts'`, ['domain-siblings']],
  ['src/domain/flows/composes.ts', `import { a } from '../media/media.ts'`, []],
  ['src/domain/composes-too.ts', `import { a } from './media/media.ts'`, ['domain-composes-in-flows']],
  ['src/unknown/old.ts', `export const a = 1`, []],
  [
    'src/app/imports-unknown.ts',
    `import { a } from '../unknown/old.ts'`,
    ['alias-is-the-index', 'known-layers-only', 'through-the-alias'],
  ],
  ['src/app/wires.ts', `import { a } from '#store'\nimport { a as b } from '#api'`, []],
  ['src/http/circle-a.ts', `import type { B } from './circle-b.ts'\nexport type A = B`, ['no-circles']],
  // A circle is reported once, at the file it was met at.
  ['src/http/circle-b.ts', `import type { A } from './circle-a.ts'\nexport type B = A`, []],
  ['src/store/sql/one.ts', `import { a } from '../ports/one.ts'`, []],
  ['src/store/ports/one.ts', `export const a = 1`, []],
  ['src/store/ports/two.ts', `import type { a } from '../sql/two.ts'`, []],
  ['src/store/sql/two.ts', `export const a = 1`, []],
  ['src/domain/media/media.ts', `export const a = 1`, []],
  ['src/domain/flows/register.ts', `export const a = 1`, []],
]

const layers = [
  'base',
  'spec',
  'rules',
  'config',
  'store',
  'streams',
  'net',
  'http',
  'domain',
  'views',
  'outbox',
  'pages',
  'api',
  'app',
]

describe('the import rules find what they forbid', () => {
  let folder: string
  let result: Cruise

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'homeroom-architecture-'))
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    write('package.json', readFileSync(join(repositoryRoot, 'package.json'), 'utf8'))
    for (const name of ['kysely', 'vitest']) {
      write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }))
      write(`node_modules/${name}/index.js`, '')
    }
    for (const layer of layers) write(`src/${layer}/index.ts`, 'export const a = 1\n')
    for (const [path, source] of breaches) write(path, `${source}\n`)
    result = cruise(folder)
  })

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(breaches)('%s: %s', (file, _source, rules) => {
    const objections = result.violations.filter((violation) => violation.from === file).map(({ rule }) => rule)
    expect([...new Set(objections)].sort()).toEqual(rules)
  })

  it('finds circles between folders even where no file is in one', () => {
    const circles = result.violations.filter(({ rule }) => rule === 'no-folder-circles').map(({ from }) => from)
    expect(circles).toEqual(expect.arrayContaining(['src/store/sql', 'src/store/ports']))
  })

  it('read every file', () => {
    expect(result.modules.length).toBeGreaterThanOrEqual(layers.length + breaches.length)
  })
})
