import { type JsonObject, stringAt } from '#spec'
import type { StoredEvent } from '#store'
import { type Creators, levelsWithCreators } from './creators.ts'

/**
 * The members that an event of 2015 has besides those of today: `user_id` for its sender, `age`, the members of `unsigned` that are the
 * same for all readers (`prev_content`, `replaces_state`, `redacted_because`), and `membership` on member events. The form is a superset
 * of today's, so clients of either time find what they look for. Returns members of a JSON object, each followed by a comma; the caller
 * adds `age`.
 */
export const oldMembers = (stored: StoredEvent, content: JsonObject, fixedUnsigned: string): string => {
  const membership = stored.type === 'm.room.member' ? stringAt(content, 'membership') : undefined
  const member = membership === undefined ? '' : `"membership":${JSON.stringify(membership)},`
  return `"user_id":${JSON.stringify(stored.sender)},${member}${fixedUnsigned}`
}

/** Content with `creator`, which room versions since 11 leave out, and with levels of creators, which those since 12 leave out: clients of 2015 need both. */
export const oldContent = (stored: StoredEvent, content: JsonObject, creators: Creators | undefined): JsonObject =>
  stored.type === 'm.room.create' && content.creator === undefined
    ? { ...content, creator: stored.sender }
    : levelsWithCreators(stored, content, creators)
