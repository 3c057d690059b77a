// Writes lib/, the program as JavaScript: Node strips no types from what lies in node_modules, so a package has to bring it. `npm pack` runs
// this first. lib/ has a package.json of its own, with the same names for the layers, so nothing else differs between package and repository.
import { spawnSync } from 'node:child_process'
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const lib = join(root, 'lib')

interface PackageJson {
  readonly name: string
  readonly version: string
  readonly imports: Readonly<Record<string, string>>
}

const jsOf = (path: string): string => path.replace(/\.ts$/, '.js')

function compile(): void {
  rmSync(lib, { recursive: true, force: true })
  const compiler = createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace('package.json', 'bin/tsc')
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.package.json'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) throw new Error('the program does not compile')
}

/** The compiler renames what is imported, and leaves the files of threads, which are named in a URL. */
function nameThreads(): void {
  for (const path of globSync('src/**/*.js', { cwd: lib })) {
    const file = join(lib, path)
    const text = readFileSync(file, 'utf8')
    const named = text.replaceAll(
      /new URL\('(\.[^']*)\.ts', import\.meta\.url\)/g,
      (_, name: string) => `new URL('${name}.js', import.meta.url)`,
    )
    if (named !== text) writeFileSync(file, named)
  }
}

function describe(): void {
  const { name, version, imports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as PackageJson
  const renamed = Object.fromEntries(Object.entries(imports).map(([layer, path]) => [layer, jsOf(path)]))
  const text = JSON.stringify({ name, version, private: true, type: 'module', imports: renamed }, undefined, 2)
  writeFileSync(join(lib, 'package.json'), `${text}\n`)
}

compile()
nameThreads()
describe()
