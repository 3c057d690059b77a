// Runs before `npm start` and `npm test`: brings the dependencies and the exact Node runtime onto a machine that has
// nothing but Node 20 and npm. Plain JavaScript without dependencies, for it runs before anything is installed, and on
// an older Node than the rest. Silent, and done in milliseconds, where all is in place.
//
//   --omit-dev   development dependencies need not be there (they are several hundred megabytes)

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST_NODE_MAJOR = 24

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const binFolder = join(root, 'node_modules', '.bin')
const omitDev = process.argv.includes('--omit-dev')

/** The packages a lock file lists, by path; null when there is no readable file. */
function readLockedPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {}
  } catch {
    return null
  }
}

/** True where the lock entry is for this operating system and processor. */
function fitsPlatform(entry) {
  const fits = (wanted, actual) => wanted === undefined || [wanted].flat().includes(actual)
  return fits(entry.os, process.platform) && fits(entry.cpu, process.arch)
}

/** The lock entry of the package that brings the runtime for this platform, as [path, entry]; undefined where there is none. */
function findRuntimePackage(wanted) {
  return Object.entries(wanted).find(
    ([path, entry]) =>
      path.startsWith('node_modules/node-') && entry.optional && entry.bin?.node && fitsPlatform(entry),
  )
}

/**
 * The first reason why node_modules does not hold what the lock file asks for; null when it does.
 * npm leaves its own account of what it installed in node_modules/.package-lock.json; an interrupted install leaves none.
 * Optional packages of other platforms are rightly absent, so a missing optional package is no reason, a wrong version is.
 */
function findMismatch(wanted, installed) {
  if (installed === null) return 'nothing is installed yet'
  const isFull = hasDev(installed)
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || !path.startsWith('node_modules/')) continue
    const found = installed[path]
    if (found === undefined) {
      const isDev = entry.dev || (entry.link && wanted[entry.resolved]?.dev)
      if (entry.optional || entry.devOptional || (isDev && omitDev && !isFull)) continue
      return `${path} is missing`
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity) return `${path} is of another version`
  }
  const runtime = findRuntimePackage(wanted)
  if (runtime !== undefined && installed[runtime[0]] === undefined && majorOf(process.version) < OLDEST_NODE_MAJOR) {
    return `${runtime[0]} is missing`
  }
  return null
}

/** True where development dependencies were installed. The packages in folders of our own are listed either way and say nothing. */
function hasDev(installed) {
  return Object.entries(installed ?? {}).some(([path, entry]) => path.startsWith('node_modules/') && entry.dev)
}

function majorOf(version) {
  return Number(/^v?(\d+)\./.exec(version)?.[1] ?? 0)
}

function fail(sentence) {
  console.error(`homeroom: ${sentence}`)
  process.exit(1)
}

/**
 * Not `npm ci`: it refuses where a registry lacks an optional package of some other platform. The lock file stays as it is: npm 10 takes out
 * what it does not know, and the next `git pull` would refuse to write over the changed file.
 */
function install({ withDev }) {
  const lockFile = join(root, 'package-lock.json')
  const lock = readFileSync(lockFile)
  const options = [
    'install',
    '--no-save',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    '--loglevel=error',
    '--include=optional',
  ]
  options.push(withDev ? '--include=dev' : '--omit=dev')
  const npm = process.env.npm_execpath
  // The Node that runs npm, not the one in node_modules that npm may be about to replace.
  const result = npm?.endsWith('.js')
    ? spawnSync(process.env.npm_node_execpath ?? process.execPath, [npm, ...options], { cwd: root, stdio: 'inherit' })
    : spawnSync('npm', options, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (!readFileSync(lockFile).equals(lock)) writeFileSync(lockFile, lock)
  if (result.status !== 0) {
    const ending = result.error?.message ?? (result.signal ? `signal ${result.signal}` : `exit code ${result.status}`)
    fail(`the dependencies could not be installed (${ending}); npm's own message stands above.`)
  }
}

/** The version of the runtime in node_modules/.bin; null when there is none or it cannot run on this machine. */
function readBundledNodeVersion() {
  const command = join(binFolder, process.platform === 'win32' ? 'node.cmd' : 'node')
  if (!existsSync(command)) return null
  const windows = process.platform === 'win32'
  const result = spawnSync(windows ? `"${command}"` : command, ['--version'], { encoding: 'utf8', shell: windows })
  return result.status === 0 ? result.stdout.trim() : null
}

/** What stands in node_modules/.bin shadows the machine's own Node in every npm script: a runtime that cannot run here must go. */
function removeBundledNode() {
  if (!existsSync(binFolder)) return
  for (const name of readdirSync(binFolder)) {
    if (/^node(\.cmd|\.ps1)?$/.test(name)) rmSync(join(binFolder, name))
  }
}

/** Links the installed runtime into node_modules/.bin, which some versions of npm 10 leave out for optional packages. */
function linkBundledNode() {
  if (process.platform === 'win32' || existsSync(join(binFolder, 'node'))) return
  const [path, entry] = findRuntimePackage(wanted) ?? []
  if (path === undefined || !existsSync(join(root, path, entry.bin.node))) return
  mkdirSync(binFolder, { recursive: true })
  rmSync(join(binFolder, 'node'), { force: true })
  symlinkSync(join('..', path.slice('node_modules/'.length), entry.bin.node), join(binFolder, 'node'))
}

function ensureNode() {
  linkBundledNode()
  const bundled = readBundledNodeVersion()
  if (bundled !== null && majorOf(bundled) >= OLDEST_NODE_MAJOR) return
  if (majorOf(process.version) >= OLDEST_NODE_MAJOR) return removeBundledNode()
  fail(
    `Node ${OLDEST_NODE_MAJOR} or newer is needed, this is ${process.version}, and there is no package that brings a newer one ` +
      `for ${process.platform}-${process.arch}; install Node ${OLDEST_NODE_MAJOR} or newer and run the command again.`,
  )
}

const wanted = readLockedPackages(join(root, 'package-lock.json'))
if (wanted === null) fail('package-lock.json is missing or unreadable; fetch the repository again.')
const hiddenLock = join(root, 'node_modules', '.package-lock.json')
const installed = readLockedPackages(hiddenLock)
const mismatch = findMismatch(wanted, installed)

if (mismatch !== null) {
  const withDev = !omitDev || hasDev(installed)
  console.error(`homeroom: installing dependencies (${mismatch}) …`)
  install({ withDev })
  ensureNode()
} else if (majorOf(process.version) < OLDEST_NODE_MAJOR) {
  // Where the runtime is in place, npm has put it first on PATH and it is what runs this file.
  ensureNode()
}
