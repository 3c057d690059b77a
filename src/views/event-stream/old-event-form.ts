import { type JsonObject, stringAt } from '#spec'
import type { StoredEvent } from '#store'
import { type Creators, levelsWithCreators } from './creators.ts'

/**
 * What an event of 2015 has on top besides the members of today: `user_id` for its sender, `age`, what `unsigned` says that is the same
 * for all readers (`prev_content`, `replaces_state`, `redacted_because`), and `membership` on member events. A superset of today's
 * form, so that a client of either time finds what it looks for. Answers members of a JSON object, each
 * followed by a comma; `age` is the caller's to add.
 */
export const oldMembers = (stored: StoredEvent, content: JsonObject, fixedUnsigned: string): string => {
  const membership = stored.type === 'm.room.member' ? stringAt(content, 'membership') : undefined
  const member = membership === undefined ? '' : `"membership":${JSON.stringify(membership)},`
  return `"user_id":${JSON.stringify(stored.sender)},${member}${fixedUnsigned}`
}

/** Room versions since 11 leave `creator` out, for it is the sender; those since 12 give the creators no level. Clients of 2015 look for both. */
export const oldContent = (stored: StoredEvent, content: JsonObject, creators: Creators | undefined): JsonObject =>
  stored.type === 'm.room.create' && content.creator === undefined
    ? { ...content, creator: stored.sender }
    : levelsWithCreators(stored, content, creators)
