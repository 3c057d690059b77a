// Notes the packages whose modules a process loads, for `--import`: one a line in the file that NOTED_PACKAGES names.
import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const noted = new Set()
registerHooks({
  load: (url, context, nextLoad) => {
    const [, name] =
      /[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)[\\/](?!.*[\\/]node_modules[\\/])/.exec(url) ?? []
    if (name !== undefined && !noted.has(name)) {
      noted.add(name)
      appendFileSync(process.env.NOTED_PACKAGES, `${name}\n`)
    }
    return nextLoad(url, context)
  },
})
