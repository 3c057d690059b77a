import { type JsonObject, MatrixError } from '#spec'

/** Whether the member of a request asks for its extension. Throws `M_INVALID_PARAM`. */
export const isEnabled = (member: JsonObject): boolean => {
  const { enabled } = member
  if (enabled !== undefined && enabled !== null && typeof enabled !== 'boolean')
    throw new MatrixError('M_INVALID_PARAM', 'enabled of an extension is neither true nor false')
  return enabled === true
}
