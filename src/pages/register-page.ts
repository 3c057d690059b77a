import type { CustomReply } from '#http'
import { type AccountPagesView, accountPage, accountScript, LOGIN_PAGE } from './account-script.ts'
import { type Html, html } from './html.ts'
import { htmlReply } from './html-page.ts'

/**
 * The page that clients open where they cannot do all stages themselves: `window.matrixRegistration.onRegistered(homeServer, userId, accessToken)`.
 * It takes the first flow, and does its stages one after the other, each on its own fallback page in a frame. No server of ours has a
 * provider's stage in its first flow, which could not be framed.
 */
const REGISTER_SCRIPT = accountScript(`
var user = document.getElementById("user");
var password = document.getElementById("password");
var repeated = document.getElementById("repeated");
/** Fields that the form has. */
var token = document.getElementById("token");
var email = document.getElementById("email");
var stage = document.getElementById("stage");
var frame = document.getElementById("frame");
var session;
if (token && query.has("token")) token.value = query.get("token");

/** Goes back to the form and shows what is wrong. */
function again(text, field) {
  session = undefined;
  stage.hidden = true;
  frame.removeAttribute("src");
  form.hidden = false;
  say(text, field || user);
}

function show(type, count, total) {
  var page = "/_matrix/client/v3/auth/" + encodeURIComponent(type) + "/fallback/web?session=" + encodeURIComponent(session);
  if (type === "m.login.email.identity" && email) page += "&email=" + encodeURIComponent(email.value.trim());
  form.hidden = true;
  stage.hidden = false;
  document.getElementById("count").textContent = total === 1 ? "" : "Step " + (count + 1) + " of " + total;
  // A captcha opens its questions over the page, so the frame must be large enough for them.
  frame.style.minHeight = type === "m.login.recaptcha" ? "38rem" : "";
  frame.src = page;
}

var TOKEN = "m.login.registration_token";

/** Whether the token would be taken, so that nobody fills in the rest in vain. */
async function isTokenGood() {
  var answer = await ask("/v1/register/" + TOKEN + "/validity?token=" + encodeURIComponent(token.value.trim()));
  if (answer.status === 200 && answer.body.valid === true) return true;
  again(answer.status === 200 ? "This registration token is not valid." : words(answer), token);
  return false;
}

async function send(members) {
  say("");
  busy(true);
  var answer = await ask("/register", members);
  busy(false);
  if (answer.status === 200) return finish("Your account is ready", answer.body);
  if (answer.status !== 401 || !answer.body.session) {
    var isName = /^M_(USER_IN_USE|INVALID_USERNAME|EXCLUSIVE)$/.test(answer.body.errcode);
    return again(words(answer), isName ? user : password);
  }
  if (answer.body.errcode) return again(words(answer), members.auth && members.auth.token ? token : user);
  session = answer.body.session;
  var completed = answer.body.completed || [];
  var flows = answer.body.flows.filter(function (one) {
    return completed.every(function (type, index) { return one.stages[index] === type; });
  });
  var givesEmail = email !== null && email.value.trim() !== "";
  var flow = flows.find(function (one) { return one.stages.includes("m.login.email.identity") === givesEmail; }) || flows[0];
  if (flow === undefined) return again("The steps were done in another order than this server wants. Try again.");
  var next = flow.stages[completed.length];
  if (next === "m.login.dummy") return send({ auth: { type: next, session: session } });
  if (next === TOKEN) return send({ auth: { type: next, session: session, token: token.value.trim() } });
  // Steps without a page are not counted.
  function isShown(type) { return type !== "m.login.dummy" && type !== TOKEN; }
  show(next, completed.filter(isShown).length, flow.stages.filter(isShown).length);
}

if (token) token.addEventListener("change", function () {
  if (token.value.trim() !== "") isTokenGood().then(function (isGood) { if (isGood) say(""); });
});

form.addEventListener("submit", async function (event) {
  event.preventDefault();
  if (token && !(await isTokenGood())) return;
  if (password.value !== repeated.value) return say("The two passwords differ.", repeated);
  send(Object.assign({ username: user.value.trim(), password: password.value }, along()));
});

frame.addEventListener("load", function () {
  var inside = frame.contentDocument;
  if (!inside || !frame.getAttribute("src")) return;
  inside.documentElement.classList.add("framed");
  frame.style.height = "0";
  frame.style.height = inside.documentElement.scrollHeight + "px";
  if (session !== undefined && inside.querySelector("[data-stage=done]")) return send({ auth: { session: session } });
  var first = inside.querySelector("[autofocus]") || inside.querySelector("input, button");
  if (first) first.focus();
});
`)

/** `GET /_matrix/static/client/register/` */
export const registerPage = (view: AccountPagesView): CustomReply =>
  view.registration === 'closed' ? closedPage(view.serverName) : formPage(view)

/** Shown instead of the form, so that nobody chooses a password in vain. */
const closedPage = (serverName: string): CustomReply =>
  htmlReply({
    status: 403,
    title: 'No new accounts here',
    main: html`<h1>No new accounts here</h1>
<p>Whoever runs <strong>${serverName}</strong> gives out its accounts. Ask them for one.</p>
<p>Have an account? <a href="/_matrix/static/client/login/">Log in</a></p>`,
    headers: { 'Cache-Control': 'no-store' },
  })

const tokenField = html`<label for="token">Registration token</label>
<input id="token" name="token" maxlength="64" required autofocus autocomplete="off" autocapitalize="none" spellcheck="false">
<p class="hint">This server gives accounts to people who have one. Whoever runs it can give you yours.</p>
`

const emailField = (isRequired: boolean): Html => html`
<label for="email">E-mail address${isRequired ? undefined : ' (optional)'}</label>
<input id="email" name="email" type="email" maxlength="254"${isRequired ? html` required` : undefined} autocomplete="email" autocapitalize="none" spellcheck="false">
<p class="hint">It brings you back in if you forget your password. A mail with a code shows that it is yours.</p>`

const formPage = ({ serverName, registration, email, webClient }: AccountPagesView): CustomReply =>
  accountPage({
    title: 'Create an account',
    lead: html`on <strong>${serverName}</strong>`,
    fields: html`${registration === 'token' ? tokenField : undefined}<label for="user">User name</label>
<input id="user" name="user" maxlength="255" required${registration === 'token' ? undefined : html` autofocus`} autocomplete="username" autocapitalize="none" spellcheck="false">
<p class="hint">Others will know you as @name:${serverName}. It cannot be changed later.</p>
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="new-password">
<label for="repeated">Password, once more</label>
<input id="repeated" name="repeated" type="password" required autocomplete="new-password">${email === 'off' ? undefined : emailField(email === 'required')}`,
    button: 'Create account',
    swap: html`Have an account? <a id="swap" href="${LOGIN_PAGE}">Log in</a>`,
    rest: html`<div id="stage" hidden>
<p id="count" role="status" aria-live="polite"></p>
<iframe id="frame" title="This step"></iframe>
</div>
`,
    webClient,
    script: REGISTER_SCRIPT,
    frames: true,
  })
