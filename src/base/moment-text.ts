/** The last time that a calendar has. */
const LAST_MS = 8.64e15

/** The date of a time that other servers or programs chose: one before 1970, or behind the end of the calendar, is shown as that bound. */
export const shownDate = (ms: number): Date => new Date(Math.min(Math.max(ms, 0), LAST_MS))

/** A time in words, in UTC, such as `29 November 2026 at 05:40 UTC`; `shownDate` bounds it. */
export const momentText = (
  ms: number,
  { language, dateStyle }: { readonly language: string; readonly dateStyle: 'long' | 'medium' },
): string => `${shownDate(ms).toLocaleString(language, { dateStyle, timeStyle: 'short', timeZone: 'UTC' })} UTC`
