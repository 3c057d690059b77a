import type { JsonObject } from '#spec'

/** The object without the named members. `__proto__` among its members stays one, which assignment would not give. */
export const omitMembers = (object: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)))
