export type { Config, Database, RegistrationMode } from './config.ts'
export type { RateBudget } from './kinds.ts'
export { ConfigError, type ConfigProblem, type ConfigSources, loadConfig } from './load.ts'
export { PLACES, type Place, SECTIONS } from './schema.ts'
