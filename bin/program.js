// Finds the program's prepared copy (see prepare-program.js), and has it made where the sources are not those that it was made of.
import { spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Copies that stay: a server that still runs may load more files of an earlier one. */
const KEPT_COPIES = 8
/** A copy under construction that is older than this was given up. */
const GIVEN_UP_MS = 3_600_000
const PREFIX = 'program-'

/**
 * The file of the prepared copy that has `runCli`, as a path; undefined where there is none and none can be made, as in a folder that nobody may
 * write to. A copy is named by all that it is made of, content and not dates, so one of other sources is never taken.
 */
export function preparedProgram(root, cache) {
  const copy = join(cache, `${PREFIX}${nameOf(root)}`)
  if (!isWhole(copy) && !make(root, cache, copy)) return undefined
  touch(copy)
  return join(copy, 'cli.js')
}

const isWhole = (copy) => existsSync(join(copy, 'cli.js'))

function nameOf(root) {
  const hash = createHash('sha256').update(root)
  const sources = readdirSync(join(root, 'src'), { recursive: true }).filter((path) => path.endsWith('.ts'))
  for (const path of sources.toSorted()) hash.update(`\0${path}\0`).update(readFileSync(join(root, 'src', path)))
  for (const path of ['package.json', 'node_modules/.package-lock.json'])
    hash.update('\0').update(contentOf(join(root, path)))
  hash.update('\0').update(readFileSync(fileURLToPath(new URL('./prepare-program.js', import.meta.url))))
  return hash.digest('hex').slice(0, 32)
}

function contentOf(file) {
  try {
    return readFileSync(file)
  } catch {
    return ''
  }
}

/** In a process of its own, whose memory ends with it. Written beside and renamed, so two starts at once both find a whole one. */
function make(root, cache, copy) {
  const unfinished = join(cache, `unfinished-${randomUUID()}`)
  try {
    mkdirSync(unfinished, { recursive: true })
    // Where the copy lies elsewhere, as in a service's own folder, the packages are found all the same.
    if (!cache.startsWith(root)) symlinkSync(join(root, 'node_modules'), join(unfinished, 'node_modules'), 'junction')
    const script = fileURLToPath(new URL('./prepare-program.js', import.meta.url))
    const { status } = spawnSync(process.execPath, [script, unfinished], { stdio: 'ignore', env: withoutOptions() })
    if (status === 0) renameSync(unfinished, copy)
  } catch {
    // Another start was faster, or nobody may write here.
  }
  rmSync(unfinished, { recursive: true, force: true })
  removeOld(cache)
  return isWhole(copy)
}

/** Options meant for the server, as those of a debugger, are not for what prepares it. */
function withoutOptions() {
  const { NODE_OPTIONS: _, ...others } = process.env
  return others
}

function touch(copy) {
  try {
    utimesSync(copy, new Date(), new Date())
  } catch {
    // It belongs to somebody else, who keeps it.
  }
}

function removeOld(cache) {
  try {
    const found = readdirSync(cache).map((name) => ({
      name,
      path: join(cache, name),
      usedMs: statSync(join(cache, name)).mtimeMs,
    }))
    const copies = found.filter(({ name }) => name.startsWith(PREFIX)).toSorted((a, b) => b.usedMs - a.usedMs)
    const givenUp = found.filter(
      ({ name, usedMs }) => name.startsWith('unfinished-') && usedMs < Date.now() - GIVEN_UP_MS,
    )
    for (const { path } of [...copies.slice(KEPT_COPIES), ...givenUp]) rmSync(path, { recursive: true, force: true })
  } catch {
    // Another start removes the same, or nobody may write here.
  }
}
