import type { Command } from 'commander'
import { isJsonObject, type JsonObject, objectAt } from '#spec'
import { type CommandContext, operatorCommand, said, textIn } from './output.ts'

/** Adds the commands about application services. */
export const addAppServiceCommands = (program: Command, context: CommandContext): void => {
  operatorCommand(program, context, {
    name: 'list-appservices',
    description: 'list the application services, how each does, and registration files that cannot be used',
    options: [],
    run: async (ask) => shown(await ask('list-appservices', {})),
  })
  operatorCommand(program, context, {
    name: 'reload-appservices',
    description: 'read the registration files of application services anew, at once',
    options: [],
    run: async (ask) => shown(await ask('reload-appservices', {})),
  })
}

const shown = (answer: JsonObject) => {
  const services = objectsIn(answer, 'services').map(serviceLine)
  const faults = objectsIn(answer, 'faults').map(
    (fault) =>
      `BAD  ${textIn(fault, 'file')}: ${textIn(fault, 'problem')}${fault.kept_earlier === true ? '; what it said before is still in force' : ''}`,
  )
  const lines = [...services, ...faults]
  return said(answer, lines.length === 0 ? 'There are no application services.' : lines.join('\n'))
}

const objectsIn = (answer: JsonObject, key: string): readonly JsonObject[] => {
  const list = answer[key]
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}

const timeOf = (ms: unknown): string => (typeof ms === 'number' ? new Date(ms).toISOString() : 'never')

const serviceLine = (service: JsonObject): string => {
  const queue = objectAt(service, 'queue') ?? {}
  const begin = `${textIn(service, 'id')}  ${textIn(service, 'sender')}`
  if (service.url === null) return `${begin}  gets nothing, as its file has no url`
  const { failures } = queue
  if (typeof failures !== 'number' || failures === 0)
    return `${begin}  works, ${typeof queue.waiting === 'number' ? queue.waiting : 0} waiting, last success ${timeOf(queue.last_success)}`
  const failure = objectAt(queue, 'last_failure') ?? {}
  return `${begin}  fails ${failures} times (${textIn(failure, 'reason')}), next try ${timeOf(queue.retry_at)}, last success ${timeOf(queue.last_success)}`
}
