import packageJson from '../../package.json' with { type: 'json' }

/** The version of Homeroom. */
export const PACKAGE_VERSION: string = packageJson.version
