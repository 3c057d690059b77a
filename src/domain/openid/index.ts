export * from './openid-tokens.ts'
