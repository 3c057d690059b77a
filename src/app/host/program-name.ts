/** The words that call this program again: it runs from its repository, or as an npm package in somebody's node_modules, where its prepared copies are not. */
export const PROGRAM_NAME = /[\\/]node_modules[\\/](?!\.cache[\\/])/.test(import.meta.dirname)
  ? 'npx homeroom'
  : 'node bin/homeroom.js'
