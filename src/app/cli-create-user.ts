import { silentLogger, systemClock, systemRandom } from '#base'
import type { Config } from '#config'
import { noRateLimits } from '#http'
import { MatrixError } from '#spec'
import { WriteConflict } from '#store'
import { newAccountChanges } from './compose/account-parts.ts'
import { buildAccountsOnly } from './compose/accounts.ts'
import { openExistingDatabase } from './database.ts'
import { readPassword } from './password-prompt.ts'
import { StartError } from './start-error.ts'

/**
 * Makes an account directly in the database, also while the server runs: it finds the account at the next login.
 */
export const createUser = async (config: Config, username: string, admin: boolean): Promise<number> => {
  const store = await openExistingDatabase(config, systemClock, silentLogger)
  try {
    const ground = { config, store, rateLimiter: noRateLimits, clock: systemClock, random: systemRandom }
    const accounts = buildAccountsOnly(ground)
    const userId = accounts.newUserId(username)
    await accounts.assertFree(userId)
    const passwordHash = await accounts.hashPassword(await readPassword())
    await store.commit([
      accounts.create(userId, passwordHash, { admin }),
      ...newAccountChanges.changesFor(userId, undefined),
    ])
    process.stdout.write(`Made ${userId}${admin ? ', who may administer the server' : ''}.\n`)
    return 0
  } catch (error) {
    if (error instanceof MatrixError) throw new StartError(error.message, { cause: error })
    if (error instanceof WriteConflict) throw new StartError('This user name is taken', { cause: error })
    throw error
  } finally {
    await store.close()
  }
}
