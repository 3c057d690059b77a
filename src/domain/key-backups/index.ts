export { KeyBackups } from './key-backups.ts'
export { KeyBackupSweep } from './sweep.ts'
