export { KeyBackups } from './key-backups.ts'
export { keyBackupSweep } from './sweep.ts'
