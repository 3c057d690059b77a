import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** As reCAPTCHA's script does: draws the widget, and puts the answer into the form once it is solved. */
const SCRIPT = `
for (const place of document.querySelectorAll('.g-recaptcha')) {
  const answer = document.createElement('textarea')
  answer.name = 'g-recaptcha-response'
  answer.hidden = true
  const box = document.createElement('button')
  box.type = 'button'
  box.textContent = 'I am not a robot'
  box.setAttribute('style', 'margin: 0')
  box.addEventListener('click', () => { answer.value = 'solved ' + place.dataset.sitekey; box.textContent = 'Solved' })
  const frame = document.createElement('iframe')
  frame.width = 150
  frame.height = 40
  place.append(box, answer, frame)
}
`

/** Who makes captchas and checks them, on this machine. */
export class CaptchaServer {
  readonly checks: Readonly<Record<string, string>>[] = []
  /** As what the last check was sent. */
  contentType: string | undefined
  /** `honest`: by the secret and the answer; `silent`: never answers; the rest is sent as it is. */
  mood: 'honest' | 'silent' | { readonly status: number; readonly body: string } = 'honest'
  readonly #server: Server
  readonly #privateKey: string

  constructor(privateKey: string) {
    this.#privateKey = privateKey
    this.#server = createServer((request, response) => {
      if (request.method === 'GET') {
        response.writeHead(200, { 'content-type': 'text/javascript' }).end(SCRIPT)
        return
      }
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const form = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString()))
        this.checks.push(form)
        this.contentType = request.headers['content-type']
        if (this.mood === 'silent') return
        const { status, body } = this.mood === 'honest' ? this.#honest(form) : this.mood
        response.writeHead(status, { 'content-type': 'application/json' }).end(body)
      })
    })
  }

  #honest(form: Readonly<Record<string, string>>): { readonly status: number; readonly body: string } {
    const success = form.secret === this.#privateKey && form.response === 'solved site-key'
    return {
      status: 200,
      body: JSON.stringify(success ? { success } : { success, 'error-codes': ['timeout-or-duplicate'] }),
    }
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }
}

/** Settings of a homeserver whose registrations need its captcha. */
export const captchaSettings = ({ url }: CaptchaServer, timeout = '10s') => ({
  registration: { captcha: true },
  captcha: {
    publicKey: 'site-key',
    privateKey: 'secret-key',
    verifyUrl: `${url}/recaptcha/api/siteverify`,
    scriptUrl: `${url}/recaptcha/api.js`,
    timeout,
  },
})
