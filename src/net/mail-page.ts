/** For text and for quoted attributes. */
export const escapedForHtml = (text: string): string =>
  text.replaceAll(/[&<>"'`]/g, (character) => `&#${character.codePointAt(0)};`)

export interface MailPage {
  readonly language: string
  readonly title: string
  /** Widest line, in the size of the letters. */
  readonly widthEm: number
  /** HTML, with all values escaped. */
  readonly body: string
}

/** The HTML of a mail: styles stand at the elements, as mail programs drop all others, and nothing is loaded from elsewhere. */
export const mailPage = ({ language, title, widthEm, body }: MailPage): string => `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapedForHtml(title)}</title>
</head>
<body>
<div style="font:16px/1.6 system-ui,sans-serif;max-width:${widthEm}em;margin:0 auto;padding:16px">
${body}</div>
</body>
</html>
`
