import type { FileName } from '../ports/media/media-files.ts'

const NAME = /^[A-Za-z0-9_-]{8,64}(?:\.[a-z0-9-]{1,32})?$/

/** Whether a name is that of one of our files; there may be others beside them. */
export const isFileName = (name: string): name is FileName => NAME.test(name)

/** Throws if the name is not that of one of our files, as its path could lead elsewhere. */
export const checkFileName = (name: FileName): void => {
  if (!isFileName(name)) throw new Error('not the name of a stored file')
}
