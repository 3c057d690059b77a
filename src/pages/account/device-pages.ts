import type { CustomReply } from '#http'
import { csrfField, hiddenField } from '../form-fields.ts'
import { type Html, html } from '../html.ts'
import { ACCOUNT_DEVICES_PAGE, accountReply } from './account-page.ts'
import { asTime, timeText } from './own-pages.ts'

export interface ShownDevice {
  readonly deviceId: string
  readonly displayName: string | undefined
  readonly lastSeenAtMs: number | undefined
  readonly lastSeenIp: string | undefined
  readonly lastSeenUserAgent: string | undefined
}

/** A browser in which somebody is signed in to the pages of their account. */
export interface ShownBrowser {
  readonly name: string
  readonly beganAtMs: number
  readonly seenAtMs: number
  readonly place: { readonly program: string | undefined; readonly network: string | undefined } | undefined
  /** Whether it is the one that shows the page. */
  readonly current: boolean
}

export interface DevicesView {
  readonly csrf: string
  readonly devices: readonly ShownDevice[]
  readonly browsers: readonly ShownBrowser[]
  /** Where the next devices are. */
  readonly more: string | undefined
  readonly done: string | undefined
}

const nameOf = ({ displayName, deviceId }: ShownDevice): string => displayName ?? deviceId

const seen = ({ lastSeenAtMs }: ShownDevice): Html =>
  lastSeenAtMs === undefined ? html`Not seen yet` : html`Last seen ${asTime(lastSeenAtMs)}`

const linkTo = (deviceId: string): string =>
  `${ACCOUNT_DEVICES_PAGE}/view?${new URLSearchParams({ device_id: deviceId }).toString()}`

const signOutForm = (
  csrf: string,
  device: ShownDevice,
): Html => html`<form method="post" action="${ACCOUNT_DEVICES_PAGE}/sign-out">
${csrfField(csrf)}${hiddenField('device_id', device.deviceId)}
<button type="submit" aria-label="Sign out ${nameOf(device)}">Sign out</button>
</form>`

const browserRow = (csrf: string, { name, current, ...browser }: ShownBrowser): Html => {
  const program = browser.place?.program ?? 'A browser'
  const network = browser.place?.network
  return html`<li><strong>${program}</strong>${current ? html` (this one)` : undefined}<br>
Signed in ${asTime(browser.beganAtMs)}, last seen ${asTime(browser.seenAtMs)}${network === undefined ? undefined : html`, from the network ${network}`}${
    current
      ? undefined
      : html`
<form method="post" action="${ACCOUNT_DEVICES_PAGE}/end-browser">
${csrfField(csrf)}${hiddenField('name', name)}
<button type="submit" aria-label="Sign out ${program}, signed in ${timeText(browser.beganAtMs)}">Sign out</button>
</form>`
  }</li>
`
}

const browsersList = (csrf: string, browsers: readonly ShownBrowser[]): Html => html`<h2>Browsers</h2>
<p>Where somebody is signed in to these pages. Such a browser reads no messages.</p>
<ul class="rows">
${browsers.map((browser) => browserRow(csrf, browser))}</ul>`

export const devicesPage = ({ csrf, devices, browsers, more, done }: DevicesView): CustomReply =>
  accountReply({
    title: 'Devices',
    inside: true,
    form: true,
    done,
    main: html`${
      devices.length === 0
        ? html`<p>No app is signed in to your account.</p>`
        : html`<ul class="rows">
${devices.map(
  (device) => html`<li><a class="more" href="${linkTo(device.deviceId)}">${nameOf(device)}</a>${seen(device)}
${signOutForm(csrf, device)}</li>
`,
)}</ul>`
    }${more === undefined ? undefined : html`\n<p><a href="${more}">More devices</a></p>`}
${browsersList(csrf, browsers)}
<h2>Everywhere at once</h2>
<p>Signs out all devices, and all other browsers. Encrypted messages that only they can read are lost with them.</p>
<form method="post" action="${ACCOUNT_DEVICES_PAGE}/sign-out-all">
${csrfField(csrf)}
<button type="submit" class="grave">Sign out everywhere else</button>
</form>`,
  })

export interface DeviceView {
  readonly csrf: string
  readonly device: ShownDevice | undefined
  /** Whether the person came to sign it out. */
  readonly asks: boolean
  /** The app that signed in by OAuth, if one did. */
  readonly app: string | undefined
}

const row = (name: string, value: Html | string | undefined): Html | undefined =>
  value === undefined ? undefined : html`<dt>${name}</dt>\n<dd>${value}</dd>\n`

export const devicePage = ({ csrf, device, asks, app }: DeviceView): CustomReply =>
  device === undefined
    ? accountReply({
        title: 'No such device',
        status: 404,
        inside: true,
        main: html`<p role="alert">It is signed out already.</p>
<p><a href="${ACCOUNT_DEVICES_PAGE}">Your devices</a></p>`,
      })
    : accountReply({
        title: asks ? `Sign out ${nameOf(device)}?` : nameOf(device),
        inside: true,
        form: true,
        main: html`<dl>
${row('Device id', device.deviceId)}${row('Last seen', device.lastSeenAtMs === undefined ? undefined : asTime(device.lastSeenAtMs))}${row('From the address', device.lastSeenIp)}${row('App', app)}${row(app === undefined ? 'App' : 'Program', device.lastSeenUserAgent)}</dl>
${signOutForm(csrf, device)}
<p><a href="${ACCOUNT_DEVICES_PAGE}">Your devices</a></p>`,
      })
