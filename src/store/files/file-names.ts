import type { FileName } from '../ports/media/media-files.ts'

const NAME = /^[A-Za-z0-9_-]{8,64}(?:\.[a-z0-9-]{1,32})?$/

/** Whether something is the name of one of our files: where they lie, others may lie too. */
export const isFileName = (name: string): name is FileName => NAME.test(name)

/** Throws for what is none: it would lead elsewhere. */
export const checkFileName = (name: FileName): void => {
  if (!isFileName(name)) throw new Error('not the name of a stored file')
}
