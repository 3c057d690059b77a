import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from '../../scripts/cruise.ts'
import { temporaryFolder } from '../flow/operation/cli-fixture.ts'

const RUNTIME = `node_modules/node-${process.platform}-${process.arch}`

const LOCK = `${JSON.stringify({
  lockfileVersion: 3,
  packages: {
    '': {},
    [RUNTIME]: { version: '1.0.0', optional: true, os: process.platform, cpu: process.arch, bin: { node: 'bin/node' } },
    'node_modules/with-libc': { version: '1.0.0', optional: true, os: ['none'], libc: ['glibc'] },
  },
})}\n`

/** Installs as npm 10 does on Node 20: it takes what it does not know out of the lock file, and links no runtime. */
const NPM = `
const fs = require('node:fs')
const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'))
fs.mkdirSync('${RUNTIME}/bin', { recursive: true })
fs.symlinkSync(process.execPath, '${RUNTIME}/bin/node')
const { ['${RUNTIME}']: runtime } = lock.packages
fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages: { '${RUNTIME}': runtime } }))
delete lock.packages['node_modules/with-libc'].libc
fs.writeFileSync('package-lock.json', JSON.stringify(lock))
`

describe.skipIf(process.platform === 'win32')('npm start with npm 10 on Node 20', () => {
  it('leaves package-lock.json as it is, so that the documented git pull goes on, and has its runtime in place', () => {
    using folder = temporaryFolder()
    mkdirSync(join(folder.path, 'scripts'))
    cpSync(join(repositoryRoot, 'scripts/ensure-ready.mjs'), join(folder.path, 'scripts/ensure-ready.mjs'))
    const lockFile = join(folder.path, 'package-lock.json')
    writeFileSync(lockFile, LOCK)
    const npm = join(folder.path, 'npm.js')
    writeFileSync(npm, NPM)
    const env = { PATH: process.env.PATH ?? '', npm_execpath: npm }
    execFileSync(process.execPath, ['scripts/ensure-ready.mjs', '--omit-dev'], { cwd: folder.path, env, stdio: 'pipe' })
    expect(readFileSync(lockFile, 'utf8')).toBe(LOCK)
    const own = join(folder.path, 'node_modules/.bin/node')
    expect(execFileSync(own, ['--version'], { encoding: 'utf8' }).trim()).toBe(process.version)
  })
})
