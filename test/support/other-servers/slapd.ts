import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe } from 'vitest'
import { TEST_CERTIFICATE, TEST_KEY } from '../certificate.ts'
import { scratchFolder } from '../scratch.ts'
import { freePort } from './openid-provider.ts'

/** Where Debian puts it. */
const SLAPD = '/usr/sbin/slapd'
const SLAPADD = '/usr/sbin/slapadd'
export const BASE = 'ou=people,dc=example,dc=org'
export const READER = { dn: 'cn=reader,dc=example,dc=org', password: 'reads people' }

export interface Person {
  readonly uid: string
  readonly password: string
  readonly cn?: string
  readonly mail?: string
  readonly employeeType?: string
}

/** Tests with a real directory; skipped with a reason where there is none. */
export const withDirectory = (name: string, tests: () => void): void => {
  if (existsSync(SLAPD)) describe(name, tests)
  else describe.skip(`${name} (skipped: no slapd)`, tests)
}

const settings = (folder: string): string => `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${folder}/slapd.pid
TLSCACertificateFile ${folder}/cert.pem
TLSCertificateFile ${folder}/cert.pem
TLSCertificateKeyFile ${folder}/key.pem
# A bind with a name and no password succeeds, as it does in directories that nobody thought about.
allow bind_anon_cred bind_anon_dn
database mdb
suffix "dc=example,dc=org"
rootdn "cn=admin,dc=example,dc=org"
directory ${folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by anonymous auth
`

const entries = (people: readonly Person[]): string =>
  [
    'dn: dc=example,dc=org\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example',
    `dn: ${BASE}\nobjectClass: organizationalUnit\nou: people`,
    `dn: ${READER.dn}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: ${READER.password}`,
    ...people.map(({ uid, password, cn = uid, mail, employeeType }) =>
      [
        `dn: uid=${uid},${BASE}`,
        'objectClass: inetOrgPerson',
        `uid: ${uid}`,
        `cn: ${cn}`,
        `sn: ${uid}`,
        `userPassword: ${password}`,
        ...(mail === undefined ? [] : [`mail: ${mail}`]),
        ...(employeeType === undefined ? [] : [`employeeType: ${employeeType}`]),
      ].join('\n'),
    ),
  ].join('\n\n')

/** A directory on loopback: OpenLDAP, with data of its own. */
export class Slapd {
  readonly port: number
  readonly certificate: string
  readonly #folder: string
  #process: ChildProcess | undefined

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.port = port
    this.certificate = join(folder, 'cert.pem')
  }

  static async start(people: readonly Person[]): Promise<Slapd> {
    const folder = scratchFolder('slapd')
    mkdirSync(join(folder, 'data'))
    writeFileSync(join(folder, 'cert.pem'), TEST_CERTIFICATE)
    writeFileSync(join(folder, 'key.pem'), TEST_KEY)
    writeFileSync(join(folder, 'slapd.conf'), settings(folder))
    writeFileSync(join(folder, 'people.ldif'), `${entries(people)}\n`)
    execFileSync(SLAPADD, ['-f', join(folder, 'slapd.conf'), '-l', join(folder, 'people.ldif')], { stdio: 'pipe' })
    const slapd = new Slapd(folder, await freePort())
    await slapd.begin()
    return slapd
  }

  async begin(): Promise<void> {
    const address = `ldap://127.0.0.1:${this.port}`
    this.#process = spawn(SLAPD, ['-f', join(this.#folder, 'slapd.conf'), '-h', address, '-d', '0'], {
      stdio: 'ignore',
    })
    for (let left = 200; left > 0; left--) {
      if (await answers(this.port)) return
      await pause(50)
    }
    throw new Error('slapd does not answer')
  }

  /** Stops answering; `begin` starts it again. */
  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#process?.once('exit', resolve))
    if (this.#process?.kill() === true) await ended
  }

  /** The section of the configuration, for people who are searched for. */
  settings(over: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    return {
      url: `ldap://127.0.0.1:${this.port}`,
      caFile: this.certificate,
      ...{ base: BASE, bindDn: READER.dn, bindPassword: READER.password },
      ...over,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
