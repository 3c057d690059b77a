import { type Logger as Pino, pino } from 'pino'
import type { Logger } from '#base'
import type { Config } from '#config'

const wrap = (inner: Pino): Logger => ({
  debug: (fields, message) => inner.debug(fields, message),
  info: (fields, message) => inner.info(fields, message),
  warn: (fields, message) => inner.warn(fields, message),
  error: (fields, message) => inner.error(fields, message),
  child: (fields) => wrap(inner.child(fields)),
})

/** Logs lines of JSON to the standard error; the standard output is for people. */
export const createLogger = (level: Config['logging']['level']): Logger =>
  wrap(pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 2, sync: true })))
