export * from './facts.ts'
export * from './interactive-auth.ts'
export type { Refusal, UiaSession } from './session.ts'
export * from './stages.ts'
