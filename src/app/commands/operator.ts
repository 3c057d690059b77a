import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '#config'
import { stringAt } from '#spec'
import { createHomeserver } from '../homeserver/homeserver.ts'
import { assertServerIn, otherName } from '../host/database.ts'
import { EXIT_CONFIG, StartError } from '../host/start-error.ts'
import { createLogger } from '../monitoring/logging.ts'
import { type Ask, askAt, NobodyThere } from '../operator/ask.ts'
import { socketPathOf } from '../operator/socket-path.ts'

/**
 * Gives `work` a way to command the server of the data folder: the one that runs; if none does, one in this process that listens to nobody else, and
 * ends with the work. So a command does the same either way, and a running server hears of it. Throws `StartError`.
 */
export const withOperator = async <Result>(config: Config, work: (ask: Ask) => Promise<Result>): Promise<Result> => {
  const { dataFolder } = config.storage
  const ask = askAt(await socketPathOf(dataFolder))
  const name = await nameBehind(ask)
  if (name !== undefined) {
    if (name !== config.server.name) throw otherName(config, name)
    return work(ask)
  }
  await assertServerIn(config)
  // Made by the first start: another folder would become one of this server's.
  if (!existsSync(join(dataFolder, 'process.id')))
    throw new StartError(`No server was started with the data folder ${dataFolder}: name the right one with --data`, {
      exitCode: EXIT_CONFIG,
    })
  const homeserver = createHomeserver({
    config,
    logger: createLogger({ level: 'warn', format: 'text' }).logger,
    operatorOnly: true,
  })
  await homeserver.start()
  try {
    return await work(ask)
  } finally {
    await homeserver.stop()
  }
}

const nameBehind = async (ask: Ask): Promise<string | undefined> => {
  try {
    return stringAt(await ask('server'), 'server_name')
  } catch (error) {
    if (error instanceof NobodyThere) return undefined
    throw error
  }
}
