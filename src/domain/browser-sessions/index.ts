export * from './browser-sessions.ts'
export * from './form-tokens.ts'
