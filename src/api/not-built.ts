/** The operations of the client-server API that are not served yet, by method and path. A test checks that list and code agree. */
export const NOT_BUILT: readonly string[] = []
