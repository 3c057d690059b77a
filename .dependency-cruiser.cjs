// The import table of the layers as rules. Which layer may import which stands in `mayImport` and nowhere else; the picture
// in docs/architecture.md is drawn from the same run.
//
// Only the swc parser reads TypeScript 7; with any other, dependency-cruiser finds no module and reports success. Whoever
// calls it must therefore check that modules were cruised (`.ci/run` and test/architecture do). On the swc parser
// type-only imports are dependencies like any other, so the rules hold for them too.

/** Besides the ground (`base`, and `spec`, which may itself import `base`). */
const mayImport = {
  base: [],
  spec: [],
  rules: [],
  config: [],
  store: [],
  streams: [],
  http: [],
  net: ['rules'],
  domain: ['rules', 'store', 'streams', 'net'],
  views: ['rules', 'store', 'streams'],
  outbox: ['rules', 'store', 'streams', 'net'],
  pages: ['http'],
  api: ['http', 'pages', 'domain', 'views'],
}
const ground = { base: [], spec: ['base'] }
const layers = [...Object.keys(mayImport), 'app']

const layerRules = Object.entries(mayImport).map(([layer, others]) => {
  const allowed = [layer, ...(ground[layer] ?? ['base', 'spec']), ...others]
  return {
    name: `${layer}-imports`,
    comment: `${layer} may import ${allowed.slice(1).join(', ') || 'no other layer'}`,
    severity: 'error',
    from: { path: `^src/${layer}/` },
    to: { path: '^src/', pathNot: `^src/(${allowed.join('|')})/` },
  }
})

module.exports = {
  forbidden: [
    ...layerRules,
    {
      name: 'known-layers-only',
      comment: 'every source file stands in one of the layers',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: `^src/(${layers.join('|')})/` },
    },
    {
      name: 'app-is-the-top',
      comment: 'app wires everything; nobody imports it',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/app/' },
      to: { path: '^src/app/' },
    },
    {
      name: 'through-the-alias',
      comment: 'another layer is entered by its alias (#layer), which is its index.ts; the rest of it is its own',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/', pathNot: '^src/$1/', dependencyTypesNot: ['aliased-subpath-import'] },
    },
    {
      name: 'alias-is-the-index',
      comment: 'an alias leads to index.ts',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'not-through-the-own-index',
      comment: 'within a layer files import each other by relative path, never the index of their own layer',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/$1/index\\.ts$' },
    },
    {
      name: 'domain-siblings',
      comment: 'siblings in domain never import each other, nor flows; domain/flows alone composes them',
      severity: 'error',
      from: { path: '^src/domain/([^/]+)/', pathNot: '^src/domain/flows/' },
      to: { path: '^src/domain/[^/]+/', pathNot: '^src/domain/$1/' },
    },
    {
      name: 'domain-composes-in-flows',
      comment:
        'a loose file in domain must not be a second place that composes the siblings; the index only re-exports',
      severity: 'error',
      from: { path: '^src/domain/[^/]+\\.ts$', pathNot: '^src/domain/index\\.ts$' },
      to: { path: '^src/domain/[^/]+/' },
    },
    {
      name: 'no-circles',
      comment: 'no circle of files, type-only imports included',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-folder-circles',
      comment: 'no circle of folders, at any depth',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
    {
      name: 'rules-are-pure',
      comment: 'rules compute; they reach no disk, no network, no clock, no thread',
      severity: 'error',
      from: { path: '^src/rules/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer)$' },
    },
    {
      name: 'sql-in-store-only',
      comment: 'databases are spoken to in store alone',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/' },
      to: { path: ['^node_modules/(kysely|pg)/', '^(node:)?sqlite$'] },
    },
    {
      name: 'source-stands-alone',
      comment: 'src knows nothing of tests, benchmarks and scripts',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts|bin)/' },
    },
    {
      name: 'declared-packages-only',
      comment: 'src runs on `dependencies` alone',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined'] },
    },
    {
      name: 'resolvable',
      comment: 'an import that leads nowhere would escape every other rule',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'require', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
}
