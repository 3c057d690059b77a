export * from './browser-sessions.ts'
export * from './form-tokens.ts'
export type { BrowserPlace, SeenAt } from './places.ts'
