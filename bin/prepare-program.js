// Writes the program as a few files of JavaScript:  node bin/prepare-program.js FOLDER
// More than a thousand modules, each with an entry in Node's loader, and their comments and types cost an idle server 50 MB; see docs/adr/0025-the-prepared-program.md.
// `bin/program.js` runs this where the sources have changed, and `scripts/make-package.ts` for the package. The dependencies named here go into these files
// too, as they are made of hundreds of modules; all others stay where npm put them, and native or seldom needed ones must.
import { globSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const WITH_PROGRAM = [
  '@fastify/proxy-addr',
  'ajv',
  'ajv-formats',
  'commander',
  'find-my-way',
  'kysely',
  'lru-cache',
  'rate-limiter-flexible',
  'typebox',
]
/** The bundler asks for this of a package of its own where a template holds the end of a script element. */
const TEMPLATE_HELPER = '@oxc-project/runtime/helpers/taggedTemplateLiteral'
const THREADS = 'src/**/*-thread.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

function isApart(id, importer) {
  if (id.startsWith('node:')) return true
  if (id.startsWith('.') || id.startsWith('/') || id.startsWith('#') || id === TEMPLATE_HELPER) return false
  // What a package asks for comes with it: npm may have put it where only that package finds it.
  if (importer !== undefined && /[\\/]node_modules[\\/]/.test(importer)) return false
  return (
    /^[@a-z]/.test(id) &&
    !/^[a-z]:[\\/]/i.test(id) &&
    !WITH_PROGRAM.some((name) => id === name || id.startsWith(`${name}/`))
  )
}

const helpers = {
  name: 'helpers',
  resolveId: (id) => (id === TEMPLATE_HELPER ? `\0${id}` : undefined),
  load: (id) =>
    id === `\0${TEMPLATE_HELPER}`
      ? "export default (cooked, raw = cooked.slice()) => Object.freeze(Object.defineProperty(cooked, 'raw', { value: Object.freeze(raw) }))"
      : undefined,
}

/** All files lie in one folder, so a thread's file stands beside the one that starts it. */
const threads = {
  name: 'threads',
  transform: (code) => {
    const named = code.replaceAll(
      /new URL\('\.\/([^'/]+-thread)\.ts', import\.meta\.url\)/g,
      "new URL('./$1.js', import.meta.url)",
    )
    return named === code ? undefined : { code: named, map: null }
  },
}

/** One character beyond ASCII makes Node keep the whole file with two bytes a character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
const BEYOND_ASCII = /[^\x00-\x7f]/g
const inAscii = (code) =>
  code.replaceAll(BEYOND_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Threads do not inherit that stacks name the files and lines of the sources. */
const START_OF_THREAD = (file) => `import { setSourceMapsSupport } from 'node:module'
setSourceMapsSupport(true, { nodeModules: true })
await import('./${file}')
`

export async function prepareProgram(folder) {
  const starts = globSync(THREADS, { cwd: root }).map((path) => [basename(path, '.ts'), path])
  const bundle = await rolldown({
    cwd: root,
    input: { cli: 'src/app/cli.ts', ...Object.fromEntries(starts.map(([name, path]) => [`${name}-work`, path])) },
    platform: 'node',
    transform: { target: 'esnext' },
    external: isApart,
    plugins: [helpers, threads],
    logLevel: 'silent',
  })
  const { output } = await bundle.write({
    dir: folder,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name]-[hash].js',
    comments: false,
    sourcemap: true,
    sourcemapExcludeSources: true,
  })
  await bundle.close()
  for (const { type, fileName, code } of output)
    if (type === 'chunk') writeFileSync(join(folder, fileName), inAscii(code))
  for (const [name] of starts) writeFileSync(join(folder, `${name}.js`), START_OF_THREAD(`${name}-work.js`))
}

const [folder] = process.argv.slice(2)
if (folder === undefined) throw new Error('name the folder to write to')
await prepareProgram(resolve(folder))
