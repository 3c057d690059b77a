import { type DestinationStream, type Logger as Pino, pino } from 'pino'
import { failureWords, type Logger, systemClock } from '#base'
import type { Config } from '#config'

type Level = Exclude<Config['logging']['level'], 'silent'>

export interface LevelledLogger {
  readonly logger: Logger
  /** Changes the least important line that is written, for all loggers made of this one too. */
  setLevel(level: Config['logging']['level']): void
}

const LEVELS: readonly Config['logging']['level'][] = ['debug', 'info', 'warn', 'error', 'silent']

/** Logs to the standard error, as lines of JSON or as text; the standard output is for people. */
export const createLogger = ({ level, format }: Config['logging']): LevelledLogger => {
  const destination = pino.destination({ dest: 2, sync: true })
  // The terminal or the program that read the log is gone: that is no reason to end the server.
  destination.on('error', () => {})
  let least = LEVELS.indexOf(level)
  const written = (one: Level): boolean => LEVELS.indexOf(one) >= least
  const sink = format === 'text' ? textSink((line) => destination.write(line)) : jsonSink(destination)
  return {
    logger: filtered(sink, written),
    setLevel: (next) => {
      least = LEVELS.indexOf(next)
    },
  }
}

interface Sink {
  write(level: Level, fields: object, message: string): void
  child(fields: object): Sink
}

const filtered = (sink: Sink, written: (level: Level) => boolean): Logger => {
  const at =
    (level: Level) =>
    (fields: object, message: string): void => {
      if (written(level)) sink.write(level, fields, message)
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => filtered(sink.child(fields), written),
  }
}

const jsonSink = (destination: DestinationStream): Sink => {
  const formatters = { level: (label: string) => ({ level: label }) }
  return pinoSink(
    pino({ level: 'debug', base: null, formatters, timestamp: pino.stdTimeFunctions.isoTime }, destination),
  )
}

const pinoSink = (inner: Pino): Sink => ({
  write: (level, fields, message) => inner[level](fields, message),
  child: (fields) => pinoSink(inner.child(fields)),
})

const textSink = (write: (line: string) => void, above: object = {}): Sink => ({
  write: (level, fields, message) => write(lineOf(level, { ...above, ...fields }, message)),
  child: (fields) => textSink(write, { ...above, ...fields }),
})

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
