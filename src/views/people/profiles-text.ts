import type { ProfileNews } from './profile-changes.ts'

/** A member of `users` in `/sync` (MSC4429): removed fields are null, and null stands for a profile that is to be forgotten. */
export const syncProfileText = ({ userId, fields }: ProfileNews): string => {
  const updates =
    fields === undefined ? 'null' : `{${membersOf([...fields].map(([key, value]) => [key, value ?? 'null']))}}`
  return `${JSON.stringify(userId)}:{"profile_updates":${updates}}`
}

/** A member of `users` in sliding sync (MSC4262): removed fields are in a list of their own. */
export const slidingProfileText = ({ userId, fields }: ProfileNews): string => {
  if (fields === undefined) return `${JSON.stringify(userId)}:null`
  const updated: [string, string][] = []
  const removed: string[] = []
  for (const [key, value] of fields) {
    if (value === undefined) removed.push(key)
    else updated.push([key, value])
  }
  const members: [string, string][] = []
  if (updated.length > 0) members.push(['updated', `{${membersOf(updated)}}`])
  if (removed.length > 0) members.push(['removed', JSON.stringify(removed)])
  return `${JSON.stringify(userId)}:{${membersOf(members)}}`
}

const membersOf = (members: readonly (readonly [string, string])[]): string =>
  members.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join()
