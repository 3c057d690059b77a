const MEDIA_TYPE = /^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}(?:\s*;[\t\x20-\x7e]*)?$/
const MAX_TYPE_LENGTH = 255
const MAX_NAME_LENGTH = 1_024
const MAX_DISPOSITION_LENGTH = 8_192

/** A missing or malformed media type becomes that of any bytes. */
export const contentTypeOf = (given: string | undefined): string => {
  const type = given?.trim() ?? ''
  return type.length <= MAX_TYPE_LENGTH && MEDIA_TYPE.test(type) ? type : 'application/octet-stream'
}

/** The name in a `Content-Disposition`, fit for a header of ours; undefined where there is none, or none that can be read. RFC 6266. */
export const fileNameIn = (disposition: string | undefined): string | undefined => {
  if (disposition === undefined || disposition.length > MAX_DISPOSITION_LENGTH) return undefined
  const [, encoded] = /;\s*filename\*\s*=\s*utf-8''([^\s;]+)/i.exec(disposition) ?? []
  const [, quoted, plain] = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(disposition) ?? []
  const name = decoded(encoded) ?? quoted?.replaceAll(/\\(.)/g, '$1') ?? plain
  if (name === undefined || name.length > MAX_NAME_LENGTH) return undefined
  const clean = name.toWellFormed().replaceAll(/\p{Cc}/gu, '')
  return clean === '' ? undefined : clean
}

const decoded = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
