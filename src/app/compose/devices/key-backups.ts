import type { Chore } from '#base'
import { KeyBackups, keyBackupSweep } from '#domain'
import { writers } from '#store'
import type { Ground } from '../ground/ground.ts'

export interface BuiltKeyBackups {
  readonly keyBackups: KeyBackups
  /** One process at a time does this work. */
  readonly backupSweep: Chore
}

/** Builds the backups of room keys. Does not start the sweep. */
export const buildKeyBackups = ({ config, store, clock, logger }: Ground): BuiltKeyBackups => {
  const { commit, keyBackups: reader } = store
  const writer = writers.keyBackups
  return {
    keyBackups: new KeyBackups({ reader, writer, commit, clock, limitBytes: config.encryption.backupSize }),
    backupSweep: keyBackupSweep({ writer, commit, clock, logger }),
  }
}
