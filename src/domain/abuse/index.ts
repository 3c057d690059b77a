export * from './ban-lists.ts'
export * from './newcomers.ts'
export * from './operator-checks.ts'
export type { PolicyKind, PolicyRule } from './policy-rules.ts'
