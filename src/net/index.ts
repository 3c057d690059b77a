export * from './captcha.ts'
export * from './identity-servers.ts'
export * from './private-addresses.ts'
export * from './push-gateways.ts'
