export * from './turn-credentials.ts'
