import type { GroupAnswer, Submitted } from './commit-queue.ts'
import type { Outcome } from './group.ts'
import type { WriteTable } from './writes.ts'

/** Stands in place of the number of values: the input or output follows unpacked, as one value. */
const AS_IT_IS = -1

const packedIn = (writes: WriteTable, operation: string, input: unknown): readonly unknown[] | undefined => {
  try {
    return writes.get(operation)?.packing?.pack(input)
  } catch {
    // The input has a wrong shape: it is sent as it is, and only this write fails by it.
    return undefined
  }
}

/** Packs commits into one flat list: for each its id and the number of its changes; for each change its operation, the number of values, and the values. */
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

/** The reverse of `packCommits`. */
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

/** Stands in place of the number of outputs: the outcome follows as it is, as the commit did not succeed. */
const NOT_DONE = -1

/**
 * Packs the answer for a group into one flat list: whether it is in doubt, what was committed, and for each commit its id and the number of its outputs; for each output the operation,
 * the number of values, and the values. `group`: the commits that are answered.
 */
export const packAnswer = (
  { outcomes, committed, inDoubt }: GroupAnswer,
  group: readonly Submitted[],
  writes: WriteTable,
): readonly unknown[] => {
  const flat: unknown[] = [inDoubt, committed]
  for (const [index, { id, changes }] of group.entries()) {
    const outcome = outcomes[index]
    if (outcome?.kind !== 'done') {
      flat.push(id, NOT_DONE, outcome)
      continue
    }
    flat.push(id, outcome.outputs.length)
    for (const [at, output] of outcome.outputs.entries()) {
      const operation = changes[at]?.operation ?? ''
      const values = writes.get(operation)?.outputPacking?.pack(output)
      if (values === undefined) flat.push(operation, AS_IT_IS, output)
      else flat.push(operation, values.length, ...values)
    }
  }
  return flat
}

/** The reverse of `packAnswer`. */
export const unpackAnswer = (flat: readonly unknown[], writes: WriteTable): GroupAnswer => {
  const [inDoubt, committed] = flat as [boolean, GroupAnswer['committed']]
  const ids: number[] = []
  const outcomes: Outcome[] = []
  let at = 2
  while (at < flat.length) {
    const [id, count] = [flat[at] as number, flat[at + 1] as number]
    at += 2
    ids.push(id)
    if (count === NOT_DONE) {
      outcomes.push(flat[at++] as Outcome)
      continue
    }
    const outputs: unknown[] = []
    for (let output = 0; output < count; output++) {
      const [operation, length] = [flat[at] as string, flat[at + 1] as number]
      const end = at + 2 + (length === AS_IT_IS ? 1 : length)
      const packing = length === AS_IT_IS ? undefined : writes.get(operation)?.outputPacking
      outputs.push(packing === undefined ? flat[at + 2] : packing.unpack(flat.slice(at + 2, end)))
      at = end
    }
    outcomes.push({ kind: 'done', outputs })
  }
  return { ids, outcomes, committed, inDoubt }
}
