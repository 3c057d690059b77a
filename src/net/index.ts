export * from './captcha.ts'
export * from './private-addresses.ts'
export * from './push-gateways.ts'
