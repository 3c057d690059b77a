export * from './push/notification.ts'
export * from './push/push.ts'
export * from './push/push-views.ts'
