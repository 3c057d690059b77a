import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../../scripts/cruise.ts'

export interface SourceFile {
  /** Relative to the root of the repository, with forward slashes. */
  readonly path: string
  readonly text: string
}

/** Every program text below `folder` (relative to the root of the repository). */
export function readSources(folder: string): readonly SourceFile[] {
  return readdirSync(join(repositoryRoot, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mts|js|mjs|cjs)$/.test(entry.name))
    .map((entry) => {
      const absolute = join(entry.parentPath, entry.name)
      return {
        path: absolute.slice(repositoryRoot.length).replaceAll('\\', '/'),
        text: readFileSync(absolute, 'utf8'),
      }
    })
    .filter(({ path }) => !path.includes('/results/'))
}

/** The text without comments, so that a comment may name what code may not. Line breaks stay where they are. */
export function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/(^|\s)\/\/[^\n]*/g, '$1')
}

/** `path:line` of every match of `pattern` in the code of the files. */
export function findInCode(files: readonly SourceFile[], pattern: RegExp): readonly string[] {
  return files.flatMap(({ path, text }) =>
    withoutComments(text)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  )
}
