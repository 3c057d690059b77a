// Writes lib/, the program as JavaScript: Node strips no types from what lies in node_modules, so a package has to bring it. `npm pack` runs
// this first.
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const lib = join(root, 'lib')

rmSync(lib, { recursive: true, force: true })
const { status } = spawnSync(process.execPath, [join(root, 'bin', 'prepare-program.js'), lib], { stdio: 'inherit' })
if (status !== 0) throw new Error('the program could not be prepared')
