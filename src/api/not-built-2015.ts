/** The operations of the client-server API of September 2015 that are not served, under the prefixes of that time. */
export const NOT_BUILT_2015: readonly string[] = []
