import { fileURLToPath } from 'node:url'
import { createViteServer } from 'vitest/node'
import { scratchFolder } from '../support/scratch.ts'

/** The OAuth code of matrix-js-sdk, as the page has it. */
export type OAuthSdk = typeof import('matrix-js-sdk/lib/oauth/index.js')

export interface SdkPage extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string
}

/** A site of its own whose page has matrix-js-sdk's OAuth code as `sdk`. */
export const serveSdkPage = async (): Promise<SdkPage> => {
  const server = await createViteServer({
    root: fileURLToPath(new URL('sdk-page/', import.meta.url)),
    configFile: false,
    cacheDir: scratchFolder('sdk-page'),
    logLevel: 'error',
    server: { host: '127.0.0.1', port: 0, hmr: false, watch: null, fs: { strict: false } },
    optimizeDeps: { include: ['matrix-js-sdk/lib/oauth/index.js'] },
  })
  await server.listen()
  const url = server.resolvedUrls?.local[0]?.replace(/\/$/, '') ?? ''
  return { url, [Symbol.asyncDispose]: () => server.close() }
}
