/** The pause after so many failures in a row: the first one after the first, doubled at each further one up to the longest. */
export const growingPause = (
  failures: number,
  { firstMs, longestMs }: { readonly firstMs: number; readonly longestMs: number },
): number => Math.min(firstMs * 2 ** Math.max(failures - 1, 0), longestMs)
