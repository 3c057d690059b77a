/**
 * Public keys whose private half is known to everybody, in unpadded Base64: whoever likes signs with them, so nothing that they signed counts, and this server
 * never uses one of them.
 */
const INSECURE: ReadonlySet<string> = new Set([
  // CVE-2026-24044: a deployment made its signing keys of a seed that was always the same.
  'l/O9hxMVKB6Lg+3Hqf0FQQZhVESQcMzbPN1Cz2nM3og',
  // The example of the specification (appendices, "Cryptographic Test Vectors").
  'XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI',
  // A seed of 32 bytes that are all zero.
  'O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik',
])

export const isInsecureKey = (publicKey: string): boolean => INSECURE.has(publicKey)
