export * from './check-pdus.ts'
export * from './checked-event.ts'
export * from './server-acls.ts'
