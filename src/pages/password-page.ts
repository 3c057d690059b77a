import type { CustomReply } from '#http'
import { type AccountPagesView, accountPage, accountScript, LOGIN_PAGE } from './account-script.ts'
import { html } from './html.ts'
import { htmlReply } from './html-page.ts'

/** Asks for a mail, and takes a new password once its link was opened: "Password management", by `m.login.email.identity`. */
const PASSWORD_SCRIPT = accountScript(`
var email = document.getElementById("email");
var password = document.getElementById("password");
var repeated = document.getElementById("repeated");
var everywhere = document.getElementById("everywhere");
var first = document.getElementById("first");
var second = document.getElementById("second");
var button = form.querySelector("button");
var attempt = 0;
/** From the server, new for each page. */
var secret = document.getElementById("secret").value;
var sid, session;

function step(isSecond) {
  first.hidden = isSecond;
  second.hidden = !isSecond;
  [password, repeated].forEach(function (field) { field.required = isSecond; });
  email.required = !isSecond;
  button.textContent = isSecond ? "Set the new password" : "Send me a mail";
  (isSecond ? password : email).focus();
}

async function askForMail() {
  attempt += 1;
  busy(true);
  var wish = { client_secret: secret, email: email.value.trim(), send_attempt: attempt };
  var answer = await ask("/account/password/email/requestToken", wish);
  busy(false);
  if (answer.status !== 200) return say(words(answer), email);
  say("");
  sid = answer.body.sid;
  document.getElementById("address").textContent = wish.email;
  step(true);
}

async function change() {
  if (password.value !== repeated.value) return say("The two passwords differ.", repeated);
  say("");
  busy(true);
  var auth = { type: "m.login.email.identity", threepid_creds: { sid: sid, client_secret: secret } };
  if (session) auth.session = session;
  var answer = await ask("/account/password", { new_password: password.value, logout_devices: everywhere.checked, auth: auth });
  busy(false);
  if (answer.status === 200) return finish("Your password is changed");
  if (answer.status !== 401) return say(words(answer), password);
  session = answer.body.session || session;
  say("Open the link in the mail first, and confirm there that it was you.", password);
}

form.addEventListener("submit", function (event) {
  event.preventDefault();
  if (second.hidden) askForMail();
  else change();
});

document.getElementById("again").addEventListener("click", function () {
  session = undefined;
  say("");
  step(false);
});
step(false);
`)

/** `GET /_matrix/static/client/forgotten-password/`, which is a page of ours. `secret`: the `client_secret` of its mails, which nobody else may know. */
export const passwordPage = (view: AccountPagesView, secret: string): CustomReply =>
  view.recovers ? formPage(view, secret) : noMailPage(view.serverName)

const noMailPage = (serverName: string): CustomReply =>
  htmlReply({
    status: 404,
    title: 'No mails from here',
    main: html`<h1>No mails from here</h1>
<p>${serverName} sends no mails, so it cannot help with a forgotten password. Whoever runs it can set a new one.</p>`,
    headers: { 'Cache-Control': 'no-store' },
  })

const formPage = ({ serverName, webClient }: AccountPagesView, secret: string): CustomReply =>
  accountPage({
    title: 'Forgotten password',
    lead: html`for your account on <strong>${serverName}</strong>`,
    fields: html`<input type="hidden" id="secret" value="${secret}">
<div id="first">
<label for="email">E-mail address of your account</label>
<input id="email" name="email" type="email" maxlength="254" required autofocus autocomplete="email" autocapitalize="none" spellcheck="false">
<p class="hint">We send you a mail with a link.</p>
</div>
<div id="second" hidden>
<p>Open the link in the mail to <strong id="address"></strong>, and come back to this window. It may take a minute to arrive.</p>
<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password">
<label for="repeated">New password, once more</label>
<input id="repeated" name="repeated" type="password" autocomplete="new-password">
<label class="choice" for="everywhere"><input id="everywhere" name="everywhere" type="checkbox" checked><span>Log out everywhere else</span></label>
<p class="hint">Leave it on if somebody else may know the old password. Devices that are logged out may lose messages that are encrypted.</p>
<p class="hint"><a id="again" href="#first">No mail? Send another one, or use another address</a></p>
</div>`,
    button: 'Send me a mail',
    swap: html`Remembered it? <a id="swap" href="${LOGIN_PAGE}">Log in</a>`,
    done: html`<p>You can log in with it now, on this or any other device.</p>
<p><a class="button" href="${LOGIN_PAGE}">Log in</a></p>`,
    webClient,
    script: PASSWORD_SCRIPT,
  })
