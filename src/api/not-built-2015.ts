/** The same list for the client-server API of September 2015, under the prefixes of that time. */
export const NOT_BUILT_2015: readonly string[] = []
