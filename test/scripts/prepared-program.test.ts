import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repositoryRoot } from '../../scripts/cruise.ts'
import { type Finished, Program, temporaryFolder } from '../flow/operation/cli-fixture.ts'

const TIMEOUT = { timeout: 180_000 }

/** A clone of the repository with its packages, in a folder of its own. */
const cloneIn = (folder: string): void => {
  for (const name of ['bin', 'src', 'package.json']) {
    cpSync(join(repositoryRoot, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'))
}

/** Runs the clone's program, which keeps what it prepares in `cache`. */
const runClone = async (folder: string, args: readonly string[], cache = join(folder, 'cache')): Promise<Finished> => {
  await using program = new Program(args, { CACHE_DIRECTORY: cache }, folder, join(folder, 'bin/homeroom.js'))
  return await program.finished
}

/** The prepared copies, whole or not. Node's own cache, which the sources use, lies beside them. */
const kept = (folder: string): readonly string[] =>
  readdirSync(join(folder, 'cache/program')).filter((name) => /^(?:program|unfinished)-/.test(name))

/** Replaces a text in a source, and leaves the size of the file and its dates as they were. */
const replaceUnseen = (file: string, text: string, by: string): void => {
  const { atime, mtime, size } = statSync(file)
  const before = readFileSync(file, 'utf8')
  writeFileSync(file, before.replace(text, by))
  utimesSync(file, atime, mtime)
  expect(readFileSync(file, 'utf8')).not.toBe(before)
  expect(statSync(file).size).toBe(size)
}

describe.skipIf(process.platform === 'win32')('the prepared program', () => {
  it('is made once, and anew when a source differs, whatever its size and date', TIMEOUT, async () => {
    using folder = temporaryFolder()
    cloneIn(folder.path)
    expect((await runClone(folder.path, ['version'])).stdout).toMatch(/^homeroom \d/)
    const [first] = kept(folder.path)
    expect(first).toMatch(/^program-/)
    expect((await runClone(folder.path, ['version'])).stdout).toMatch(/^homeroom \d/)
    expect(kept(folder.path)).toEqual([first])

    replaceUnseen(join(folder.path, 'src/app/cli.ts'), '`homeroom ${', '`HOMEROOM ${')
    expect((await runClone(folder.path, ['version'])).stdout).toMatch(/^HOMEROOM \d/)
    expect(kept(folder.path)).toHaveLength(2)
  })

  it('is whole when several starts make it at once', TIMEOUT, async () => {
    using folder = temporaryFolder()
    cloneIn(folder.path)
    const runs = await Promise.all([1, 2, 3].map(() => runClone(folder.path, ['version'])))
    expect(runs.map(({ code, stdout }) => [code, stdout.slice(0, 9)])).toEqual(Array(3).fill([0, 'homeroom ']))
    expect(kept(folder.path)).toEqual([expect.stringMatching(/^program-/)])
  })

  it('names files and lines of the sources in stacks', TIMEOUT, async () => {
    using folder = temporaryFolder()
    cloneIn(folder.path)
    const file = join(folder.path, 'src/app/cli.ts')
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a piece of a source
    const printed = 'process.stdout.write(`homeroom ${PACKAGE_VERSION}\\n`)'
    const lines = readFileSync(file, 'utf8').split('\n')
    const line = lines.findIndex((text) => text.includes(printed))
    writeFileSync(file, lines.join('\n').replace(printed, "throw new Error('on purpose')"))
    const { code, stderr } = await runClone(folder.path, ['version'])
    expect(code).not.toBe(0)
    expect(kept(folder.path)).toHaveLength(1)
    expect(stderr).toContain(`src/app/cli.ts:${line + 1}:`)
  })

  it('is done without where nothing can be kept', TIMEOUT, async () => {
    using folder = temporaryFolder()
    cloneIn(folder.path)
    const notAFolder = join(folder.path, 'package.json')
    const { code, stdout, stderr } = await runClone(folder.path, ['version'], notAFolder)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^homeroom \d/)
    expect(existsSync(join(folder.path, 'cache'))).toBe(false)
  })

  it('leaves it to the sources to say what is wrong with them', TIMEOUT, async () => {
    using folder = temporaryFolder()
    cloneIn(folder.path)
    writeFileSync(join(folder.path, 'src/app/cli.ts'), 'export const runCli = (\n')
    const { code, stderr } = await runClone(folder.path, ['version'])
    expect(code).not.toBe(0)
    expect(stderr).toContain('src/app/cli.ts:')
    expect(kept(folder.path)).toEqual([])
  })
})
