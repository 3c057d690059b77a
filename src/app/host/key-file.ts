import { join } from 'node:path'

/** The file of the signing key in a data folder. Commands of the program ask for it before they run, so it stands apart from the store. */
export const keyFileIn = (folder: string): string => join(folder, 'signing.key')
