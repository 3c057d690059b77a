import type { Submitted } from './commit-queue.ts'
import type { WriteTable } from './writes.ts'

/** In place of the number of values: one follows, the input as it was handed over. */
const AS_IT_IS = -1

const packedIn = (writes: WriteTable, operation: string, input: unknown): readonly unknown[] | undefined => {
  try {
    return writes.get(operation)?.packing?.pack(input)
  } catch {
    // A fault of whoever made the change; the write fails by it, and nothing else does.
    return undefined
  }
}

/** Commits as one flat list: for each its id, the number of its changes, and for each change its operation, the number of values, and these. */
export const packCommits = (commits: readonly Submitted[], writes: WriteTable): readonly unknown[] => {
  const flat: unknown[] = []
  for (const { id, changes } of commits) {
    flat.push(id, changes.length)
    for (const { operation, input } of changes) {
      const values = packedIn(writes, operation, input)
      if (values === undefined) flat.push(operation, AS_IT_IS, input)
      else flat.push(operation, values.length, ...values)
    }
  }
  return flat
}

/** What `packCommits` packed. */
export const unpackCommits = (flat: readonly unknown[], writes: WriteTable): readonly Submitted[] => {
  const commits: Submitted[] = []
  let at = 0
  while (at < flat.length) {
    const [id, count] = [flat[at] as number, flat[at + 1] as number]
    at += 2
    const changes: { readonly operation: string; readonly input: unknown }[] = []
    for (let change = 0; change < count; change++) {
      const [operation, length] = [flat[at] as string, flat[at + 1] as number]
      const end = at + 2 + (length === AS_IT_IS ? 1 : length)
      const packing = length === AS_IT_IS ? undefined : writes.get(operation)?.packing
      changes.push({ operation, input: packing === undefined ? flat[at + 2] : packing.unpack(flat.slice(at + 2, end)) })
      at = end
    }
    commits.push({ id, changes })
  }
  return commits
}
