#!/usr/bin/env node
// Plain JavaScript that any Node reads: it must be able to say that this Node is too old for the rest.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { url as debuggerUrl } from 'node:inspector'
import nodeModule from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const LEAST_MAJOR = 24
const major = Number(process.versions.node.split('.')[0])
const at = (path) => fileURLToPath(new URL(path, import.meta.url))
/** As a package it lies in the node_modules of somebody else, and brings its program. */
const isPackage = /[\\/]node_modules[\\/]/.test(at('.'))

/**
 * Options and environment of a server's process. The young generation grows under load and is small again after a collection, so its limit costs an idle server nothing; with
 * less, sends by many cost more. The C library otherwise keeps what password hashes took, 100 MB after ten of them: threads share its memory, and what is as large as that goes back at
 * once.
 */
const OPTIONS = ['--max-semi-space-size=16']
const ENVIRONMENT = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '1048576' }

if (major < LEAST_MAJOR) runWithOwnNode()
else {
  if (process.argv[2] === 'start') becomeServer()
  const { runCli } = await import(await program())
  process.exitCode = await runCli(process.argv.slice(2))
}

/** An older Node starts the one that npm brought, and stays beside it. */
function runWithOwnNode() {
  const own = runtime()
  if (own === undefined || process.env.HOMEROOM_REEXECUTED !== undefined) return tooOld()
  const child = spawn(own, [...OPTIONS, at('./homeroom.js'), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...ENVIRONMENT, ...process.env, HOMEROOM_REEXECUTED: '1' },
  })
  // A terminal sends its signals to both; those sent to this process alone are passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', () => tooOld())
  child.on('exit', (code) => {
    process.exitCode = code ?? 1
  })
}

/**
 * Starts this process over with what a server wants, where the system can do that without a second process. Whatever was set by hand stays, and a debugger
 * keeps the process that it was told of.
 */
function becomeServer() {
  const options = process.execArgv.some((option) => option.startsWith('--max-semi-space-size')) ? [] : OPTIONS
  const whole = options.length === 0 && Object.keys(ENVIRONMENT).every((name) => process.env[name] !== undefined)
  if (whole || process.platform !== 'linux' || process.execve === undefined || debuggerUrl() !== undefined) return
  process.execve(process.execPath, [process.execPath, ...options, ...process.execArgv, ...process.argv.slice(1)], {
    ...ENVIRONMENT,
    ...process.env,
  })
}

/**
 * The program's first file. A package brings it prepared; a clone has a prepared copy between starts. Where none can be kept, the sources run as they
 * are, and Node strips the types.
 */
async function program() {
  let file = at('../lib/cli.js')
  if (!isPackage) {
    // A service whose user may not write into the program's folder has a folder of its own, which systemd names in CACHE_DIRECTORY.
    const own = process.env.CACHE_DIRECTORY?.split(':')[0]
    const cache = own === undefined ? at('../node_modules/.cache/homeroom') : join(own, 'program')
    const { preparedProgram } = await import('./program.js')
    file = preparedProgram(at('..'), cache)
    if (file === undefined) return sources(cache)
  }
  // Stacks name the files and lines of the sources.
  nodeModule.setSourceMapsSupport?.(true, { nodeModules: true })
  return pathToFileURL(file).href
}

/** Node keeps stripped types and compiled code, if it may write there; threads learn of it by the environment. */
function sources(cache) {
  nodeModule.enableCompileCache(cache)
  process.env.NODE_COMPILE_CACHE ??= cache
  return '../src/app/cli.ts'
}

/** The Node that npm brought with the dependencies; npm puts them beside a package or into it. */
function runtime() {
  const windows = process.platform === 'win32'
  const name = windows ? 'node.exe' : 'bin/node'
  const platform = `${windows ? 'win' : process.platform}-${process.arch}`
  const folders = ['../node_modules/', ...(isPackage ? ['../../'] : [])]
  const files = folders.flatMap((folder) => [
    `${folder}node-${platform}/${name}`,
    `${folder}node-bin-${platform}/${name}`,
  ])
  return files.map(at).find((file) => existsSync(file))
}

function tooOld() {
  console.error(
    `Homeroom needs Node ${LEAST_MAJOR} or newer, and this is Node ${process.versions.node}: run "npm install" in its folder, or install a newer Node.`,
  )
  process.exitCode = 1
}
