import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { SignedXml } from 'xml-crypto'
import { scratchFolder } from '../scratch.ts'

/** Worth nothing outside of the tests. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCgkLxb2GMrpt+6
gTx9OW0en4idfDyv+PNvoE+Oc8cVfenjSVE+P0nOTQ7G91aAORTTi+6iU2MRUcrP
1GWnPV0z+n4FitfFsdjJeURzAz/nijVUwZppUwnoUmkxJc7uvgd5KysxayR4GJ2K
3KavSNyT5PA96bnzSQIzZxZif2H9PoorCblH4zu4rMk2LqsF+LjyIN/nHAR3BI9r
svV0hF7R+ZGnO1hngm6U6HJnzclgfOOUwP7gTLQCiNtnhjxekg4btB6CzaKQqqRU
zq34kmFGsR5rYkPHVsA/eOrPLvIu+nPF+ozSO3CnG4ti3L8d5DqdSVwqBOAczppP
NFR67PdRAgMBAAECggEAAj/NrzxafC0c3uEFI0rTJallAZWJyFGBEbeg53NzonBF
m24y/zT0Fo8gyCShZ4T6hDU7xu8gNzOd84fp4UwlJwox4BJVc5Hmt10iBQ8ZpnW+
O2Y3jupDJv1g/jBsyUdE+TKcjnO4uMjZtlfhDotuBrUDIog6XnOzUAZ4RfjX153r
dE0YQYpbbMNwSJT9UUZ/Iw01exSC8iFAoarDDgiwscz6Friw/tjHYoQwTKFUd25P
gH41wdV1raoCNTEHIxPjwz65AxHMf36X429Yj28TY2HtNqYKl+Dx6Bh9M/ThwB27
YDrXoRBn1PTra2VT05rMKj32wghiqqTV5hxqTytfwwKBgQDe+EAkgnTtAEdj4vwe
NW7sVq3a1u4x+c1Iv1RIVQFTfR6ZdlxXSqQm6v766WMz771I7UksfQBzzSmBQ1mJ
EahV2n2PSj9pPDwYBILFbdGVRJRIhtf/y27gq0bJi23xGE7GPK9wh1Jm/WMd/elK
Wme+E42PFMHD/uhO7aFmggV9owKBgQC4Wefd7oOmMv0jonBP+3yQFVGgTVuXyF9r
aTpFWtK7Ucli44U/PT8xeYq9dVFSIkCXUPcj4JyOaC30Mlx6YrPKjy/TjPnbVmOo
u6aFQVi6GJSq+a1ZRsA6YTnuk1eOf0Z9CuHmPL3AhMe0pUP7V+Cgf6i3Id0Gqwsv
B+HptDWeewKBgDidrqPWoFwBox8A5uXAyZ6nT9PumWMFPBQJyRvowcJyVc+/1yiv
IkljiEUr9+2bJWQcJGVwhCnjYXOaJ2T/n8/U/+bfgoR1MAklNBNvlDUjycc0vioM
fOX9d6b7iXobov0BMccQBWNzWbSm4ZLoq8j+7AX1zlG3K0PHYSFHSJ+jAoGBAJuU
nJ9q5MYFsCc7tsd5eWVr6Ih94LfXDdhrZRcVEFWwL2J6m4CEYumRJqq/8NJ9P7+0
P+6SZ+2zNF0rh2puFEf10aobBt66KL9FJsK9JHFhv04QCuEWWbKrTSXwSWtkNIvg
/Ea/qnBoXtYwx4++WT96nVt4g71V6slVQK5oPPwzAoGAW8OHqJoNMQTHYAHD4CDu
yTBDHvYb5dFKJhZECQoqgzzZsdpEE4S4g/oz5gRqpkWA+AxLSuhcH+uL7yrmX9fL
XFJRCJ28ctsNleDv84rNURQZSRd/Y7Td7np60TBwYiEyZ/zjsL9BmmFhlmsQpqlO
TtXjTavPko1r5xrOQsWFgzI=
-----END PRIVATE KEY-----
`
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIDDzCCAfegAwIBAgIULYjitPd58FY2aOsOO61TJVc6vv4wDQYJKoZIhvcNAQEL
BQAwFjEUMBIGA1UEAwwLaWRwLmV4YW1wbGUwIBcNMjYxMTI4MjAxNjQ1WhgPMjEy
NjExMDQyMDE2NDVaMBYxFDASBgNVBAMMC2lkcC5leGFtcGxlMIIBIjANBgkqhkiG
9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoJC8W9hjK6bfuoE8fTltHp+InXw8r/jzb6BP
jnPHFX3p40lRPj9Jzk0OxvdWgDkU04vuolNjEVHKz9Rlpz1dM/p+BYrXxbHYyXlE
cwM/54o1VMGaaVMJ6FJpMSXO7r4HeSsrMWskeBiditymr0jck+TwPem580kCM2cW
Yn9h/T6KKwm5R+M7uKzJNi6rBfi48iDf5xwEdwSPa7L1dIRe0fmRpztYZ4JulOhy
Z83JYHzjlMD+4Ey0AojbZ4Y8XpIOG7Qegs2ikKqkVM6t+JJhRrEea2JDx1bAP3jq
zy7yLvpzxfqM0jtwpxuLYty/HeQ6nUlcKgTgHM6aTzRUeuz3UQIDAQABo1MwUTAd
BgNVHQ4EFgQUWgSIROh7jcIsDpKsNqNyRiK/MSswHwYDVR0jBBgwFoAUWgSIROh7
jcIsDpKsNqNyRiK/MSswDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOC
AQEAVxEfm9CCLQsfQcV0YskxCkZB+mtmku/mFO2kztczGHdvxcwMDKVWB5DgNach
5sJJrcwQjPnIpgiOXzJnQpygjZb8BtI/iNnI75wtdp79NJKkr+gtUiQ8ZFxir5L3
p4yKgBqP6p0rE0hfQObeubpM5e3d6O+xgTeCM5+TIsnDQ423LRJ1AKaIHNF1DfkR
ifdRRqKIRZQJPG4jqQHtJGTKmZ7VPDdTj4VAvypBJMwn1uSWzN9lL7L4Nu7kAJpB
gTYGRCaI8/cRShnFSBjKL/PzGgCTYGn9hsH8qsWGORsqbChEbqibMIPlyK1IMa2p
7kmr0LbUvjBO4tCfAqXgGZP6ww==
-----END CERTIFICATE-----
`

export const IDP = 'https://idp.example/metadata'
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256'
const RSA_SHA256 = 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'
const C14N = 'http://www.w3.org/2001/10/xml-exc-c14n#'
const ENVELOPED = 'http://www.w3.org/2000/09/xmldsig#enveloped-signature'

export interface Request {
  readonly id: string
  readonly acs: string
  readonly sp: string
  readonly relayState: string
  readonly forced: boolean
}

export interface Answer {
  readonly subject?: string
  readonly uid?: string
  readonly issuer?: string
  readonly audience?: string
  readonly inResponseTo?: string
  /** In the unsigned part. */
  readonly outerInResponseTo?: string
  readonly recipient?: string
  readonly ageMs?: number
  readonly nameIdFormat?: string
  readonly key?: string
  readonly signature?: 'assertion' | 'none'
  readonly algorithms?: readonly [string, string]
  /** Changes the XML after it was signed. */
  tamper?(xml: string): string
}

/** A provider of identities that speaks SAML, without a server: it reads the request in an address, and makes the form that a browser would post. */
export class SamlIdp {
  readonly certificate = join(scratchFolder('saml'), 'idp.pem')

  constructor() {
    writeFileSync(this.certificate, CERTIFICATE)
  }

  settings(over: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    return { entryPoint: 'https://idp.example/sso', issuer: IDP, certificateFile: this.certificate, ...over }
  }

  /** The request in the address to which this server sends a browser. */
  read(address: string): Request {
    const query = new URL(address).searchParams
    const xml = inflateRawSync(Buffer.from(query.get('SAMLRequest') ?? '', 'base64')).toString()
    const at = (pattern: RegExp) => pattern.exec(xml)?.[1] ?? ''
    return {
      id: at(/ ID="([^"]*)"/),
      acs: at(/AssertionConsumerServiceURL="([^"]*)"/),
      sp: at(/<saml:Issuer[^>]*>([^<]*)</),
      relayState: query.get('RelayState') ?? '',
      forced: xml.includes('ForceAuthn="true"'),
    }
  }

  /** The answer, in Base64. */
  answer(request: Request, answer: Answer = {}): string {
    const xml = responseTo(request, answer)
    const signed = answer.signature === 'none' ? xml : signedIn(xml, answer)
    return Buffer.from(answer.tamper?.(signed) ?? signed).toString('base64')
  }
}

const responseTo = (request: Request, answer: Answer): string => {
  const at = Date.now() - (answer.ageMs ?? 0)
  const time = (offsetMs: number) => new Date(at + offsetMs).toISOString()
  const { subject = 'subject-1', uid = 'ida', issuer = IDP, audience = request.sp, inResponseTo = request.id } = answer
  const format = answer.nameIdFormat ?? 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent'
  const attribute = (name: string, value: string) =>
    `<saml:Attribute Name="${name}"><saml:AttributeValue>${value}</saml:AttributeValue></saml:Attribute>`
  return (
    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_${randomUUID()}" Version="2.0" IssueInstant="${time(0)}" Destination="${request.acs}" InResponseTo="${answer.outerInResponseTo ?? inResponseTo}">` +
    `<saml:Issuer>${issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>` +
    `<saml:Assertion ID="_${randomUUID()}" Version="2.0" IssueInstant="${time(0)}"><saml:Issuer>${issuer}</saml:Issuer>` +
    `<saml:Subject><saml:NameID Format="${format}">${subject}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="${time(300_000)}" Recipient="${answer.recipient ?? request.acs}" InResponseTo="${inResponseTo}"/></saml:SubjectConfirmation></saml:Subject>` +
    `<saml:Conditions NotBefore="${time(-60_000)}" NotOnOrAfter="${time(300_000)}"><saml:AudienceRestriction><saml:Audience>${audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
    `<saml:AuthnStatement AuthnInstant="${time(0)}" SessionIndex="_s"><saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>` +
    `<saml:AttributeStatement>${attribute('uid', uid)}${attribute('displayName', 'Ida Rhodes')}${attribute('email', 'ida@example.org')}</saml:AttributeStatement>` +
    `</saml:Assertion></samlp:Response>`
  )
}

const signedIn = (xml: string, { key = KEY, algorithms = [RSA_SHA256, SHA256] }: Answer): string => {
  const signer = new SignedXml({ privateKey: key, signatureAlgorithm: algorithms[0], canonicalizationAlgorithm: C14N })
  const assertion = "//*[local-name(.)='Assertion']"
  signer.addReference({ xpath: assertion, digestAlgorithm: algorithms[1], transforms: [ENVELOPED, C14N] })
  signer.computeSignature(xml, { location: { reference: `${assertion}/*[local-name(.)='Issuer']`, action: 'after' } })
  return signer.getSignedXml()
}
