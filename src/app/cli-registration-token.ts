import { silentLogger, systemClock, systemRandom } from '#base'
import type { Config } from '#config'
import { RegistrationTokens } from '#domain'
import { MatrixError } from '#spec'
import { WriteConflict, writers } from '#store'
import { openExistingDatabase } from './database.ts'
import { StartError } from './start-error.ts'

export interface TokenOptions {
  readonly token?: string
  readonly uses?: string
  readonly days?: string
}

const DAY_MS = 86_400_000

/** Makes a token for `registration.mode: token`, and prints it; also while the server runs. */
export const createRegistrationToken = async (config: Config, options: TokenOptions): Promise<number> => {
  const uses = countOf(options.uses, '--uses')
  const days = countOf(options.days, '--days')
  const token = options.token ?? systemRandom.token(20)
  const store = await openExistingDatabase(config, systemClock, silentLogger)
  try {
    const tokens = new RegistrationTokens({
      reader: store.registrationTokens,
      writer: writers.registrationTokens,
      clock: systemClock,
    })
    const limits = {
      ...(uses === undefined ? {} : { uses }),
      ...(days === undefined ? {} : { expiresAtMs: systemClock.nowMs() + days * DAY_MS }),
    }
    await store.commit([tokens.create(token, limits)])
    process.stdout.write(`${token}\n`)
    return 0
  } catch (error) {
    if (error instanceof MatrixError) throw new StartError(error.message, { cause: error })
    if (error instanceof WriteConflict) throw new StartError('There is such a token already', { cause: error })
    throw error
  } finally {
    await store.close()
  }
}

const countOf = (text: string | undefined, flag: string): number | undefined => {
  if (text === undefined) return undefined
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new StartError(`${flag} takes a whole number from 1 to 999999`)
  return Number(text)
}
