export * from './rtc-transports.ts'
export * from './turn-credentials.ts'
