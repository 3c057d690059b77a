export * from './job-kind.ts'
export * from './job-runner.ts'
export * from './jobs.ts'
