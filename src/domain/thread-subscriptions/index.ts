export * from './thread-subscriptions.ts'
