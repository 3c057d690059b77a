import { spawnSync } from 'node:child_process'
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of a few megabytes, in memory; only root can mount one. */
export class SmallDisk {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Answers why it cannot be had, where it cannot. */
  static mount(sizeMib: number): SmallDisk | string {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root can mount a small disk'
    const folder = mkdtempSync(join(tmpdir(), 'homeroom-disk-'))
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m,mode=700`, 'tmpfs', folder])
    if (status === 0) return new SmallDisk(folder)
    rmSync(folder, { recursive: true, force: true })
    return `no small disk can be mounted here (${String(stderr).trim()})`
  }

  /** Takes all the space there is. */
  fill(): void {
    const block = Buffer.alloc(4096, 1)
    const file = openSync(this.#filler, 'a')
    try {
      for (;;) writeSync(file, block)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    } finally {
      fsyncSync(file)
      closeSync(file)
    }
    if (statfsSync(this.folder).bavail > 0) throw new Error('the disk is not full')
  }

  free(): void {
    rmSync(this.#filler)
  }

  unmount(): void {
    spawnSync('umount', ['-l', this.folder])
    rmSync(this.folder, { recursive: true, force: true })
  }

  get #filler(): string {
    return join(this.folder, 'filler')
  }
}
