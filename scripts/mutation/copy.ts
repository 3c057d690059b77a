import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export type TestOutcome = 'passed' | 'failed' | 'too slow'

/** A copy of the working tree in which sources are changed and tests run; the tree itself is not touched. */
export class WorkingCopy {
  readonly #root: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'homeroom-mutants-'))

  constructor(root: string) {
    this.#root = root
    const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
    for (const path of listed.toString().split('\n')) {
      if (path === '' || path === 'node_modules') continue
      mkdirSync(dirname(join(this.#folder, path)), { recursive: true })
      cpSync(join(root, path), join(this.#folder, path))
    }
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'))
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.#folder, path), text)
  }

  /** Runs the test files whose paths hold one of these texts, up to the first that fails. */
  test(files: readonly string[], timeoutMs: number): Promise<TestOutcome> {
    return new Promise((resolve) => {
      const vitest = join(this.#root, 'node_modules', 'vitest', 'vitest.mjs')
      const child = spawn(process.execPath, [vitest, 'run', '--bail', '1', '--reporter', 'dot', ...files], {
        cwd: this.#folder,
        stdio: 'ignore',
        // The group, so that the workers end with it.
        detached: true,
      })
      let isTooSlow = false
      const timer = setTimeout(() => {
        isTooSlow = true
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      }, timeoutMs)
      child.on('close', (code) => {
        clearTimeout(timer)
        resolve(isTooSlow ? 'too slow' : code === 0 ? 'passed' : 'failed')
      })
    })
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
