import { type Logger as Pino, pino } from 'pino'
import { failureWords, type Logger, silentLogger, systemClock } from '#base'
import type { Config } from '#config'

type Level = Exclude<Config['logging']['level'], 'silent'>

/** Logs to the standard error, as lines of JSON or as text; the standard output is for people. */
export const createLogger = ({ level, format }: Config['logging']): Logger => {
  if (level === 'silent') return silentLogger
  const destination = pino.destination({ dest: 2, sync: true })
  // The terminal or the program that read the log is gone: that is no reason to end the server.
  destination.on('error', () => {})
  if (format === 'text') return textLogger(level, (line) => destination.write(line))
  const formatters = { level: (label: string) => ({ level: label }) }
  return wrap(pino({ level, base: null, formatters, timestamp: pino.stdTimeFunctions.isoTime }, destination))
}

const wrap = (inner: Pino): Logger => ({
  debug: (fields, message) => inner.debug(fields, message),
  info: (fields, message) => inner.info(fields, message),
  warn: (fields, message) => inner.warn(fields, message),
  error: (fields, message) => inner.error(fields, message),
  child: (fields) => wrap(inner.child(fields)),
})

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error']

const textLogger = (least: Level, write: (line: string) => void, above: object = {}): Logger => {
  const written =
    (level: Level) =>
    (fields: object, message: string): void => {
      if (LEVELS.indexOf(level) >= LEVELS.indexOf(least)) write(lineOf(level, { ...above, ...fields }, message))
    }
  return {
    debug: written('debug'),
    info: written('info'),
    warn: written('warn'),
    error: written('error'),
    child: (fields) => textLogger(least, write, { ...above, ...fields }),
  }
}

/** Texts from outside are quoted, so that none of them looks like a line or a field of ours. A stack has lines of its own. */
const lineOf = (level: Level, fields: object, message: string): string => {
  const time = new Date(systemClock.nowMs()).toISOString()
  const stacks: string[] = []
  const words = Object.entries(fields).flatMap(([name, value]: [string, unknown]) => {
    if (value === undefined) return []
    if (!(value instanceof Error)) return [` ${name}=${shown(value)}`]
    stacks.push(...(value.stack ?? '').split('\n').slice(1))
    return [` ${name}=${shown(`${value.name}: ${value.message}`)}`, ` reason=${shown(failureWords(value))}`]
  })
  const stack = stacks.map((line) => `\n    ${line.trim()}`).join('')
  return `${time} ${level.padEnd(5)} ${message}${words.join('')}${stack}\n`
}

const shown = (value: unknown): string => {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return /^[!#-<>-~]+$/.test(text) ? text : JSON.stringify(text)
}
