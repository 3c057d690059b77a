export * from './accounts/index.ts'
export * from './devices/index.ts'
export * from './rooms/index.ts'
