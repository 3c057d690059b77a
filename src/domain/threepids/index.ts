export * from './addresses.ts'
export * from './identity-servers.ts'
