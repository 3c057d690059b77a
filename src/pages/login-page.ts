import type { CustomReply } from '#http'
import { type AccountPagesView, accountPage, accountScript, PASSWORD_PAGE, REGISTER_PAGE } from './account-script.ts'
import { html } from './html.ts'

/** "Login Fallback": `window.matrixLogin.onLogin(response)`. A login at a provider comes back to this page with a `loginToken`. */
const LOGIN_SCRIPT = accountScript(`
var user = document.getElementById("user");
var password = document.getElementById("password");

async function logIn(members, field) {
  say("");
  busy(true);
  var answer = await ask("/login", Object.assign(members, along()));
  busy(false);
  if (answer.status === 200) return finish("You are logged in", answer.body);
  if (members.type === "m.login.token") return say("The sign-in took too long, or was used before. Try again.");
  password.value = "";
  say(answer.body.errcode === "M_FORBIDDEN" ? "Wrong user name or password." : words(answer), field);
}

form.addEventListener("submit", function (event) {
  event.preventDefault();
  var name = user.value.trim();
  var isEmail = /^[^@\\s]+@[^@\\s]+$/.test(name);
  var identifier = isEmail
    ? { type: "m.id.thirdparty", medium: "email", address: name }
    : { type: "m.id.user", user: name };
  logIn({ type: "m.login.password", identifier: identifier, password: password.value }, password);
});

/** Comes back to this page with the same parameters. */
function comeBack() {
  var rest = new URLSearchParams(query);
  rest.delete("loginToken");
  var text = rest.toString();
  return location.origin + location.pathname + (text === "" ? "" : "?" + text);
}

function offer(flows) {
  if (!flows.some(function (flow) { return flow.type === "m.login.password"; })) form.hidden = true;
  var sso = flows.find(function (flow) { return flow.type === "m.login.sso"; });
  if (sso === undefined) return;
  var list = document.getElementById("providers");
  (sso.identity_providers || [{ name: "single sign-on" }]).forEach(function (provider) {
    var link = document.createElement("a");
    var path = "/_matrix/client/v3/login/sso/redirect" + (provider.id ? "/" + encodeURIComponent(provider.id) : "");
    link.href = path + "?redirectUrl=" + encodeURIComponent(comeBack());
    link.className = "button";
    link.textContent = "Continue with " + provider.name;
    list.appendChild(document.createElement("li")).appendChild(link);
  });
  document.getElementById("others").hidden = list.childElementCount === 0;
}

async function begin() {
  var token = query.get("loginToken");
  if (token !== null) {
    history.replaceState(null, "", comeBack());
    query.delete("loginToken");
    await logIn({ type: "m.login.token", token: token });
  }
  var answer = await ask("/login");
  if (answer.status === 200) offer(answer.body.flows);
}
begin();
`)

/** `GET /_matrix/static/client/login/`, and `GET /login/fallback` of 2015. */
export const loginPage = ({ serverName, registration, recovers, webClient }: AccountPagesView): CustomReply =>
  accountPage({
    title: 'Log in',
    lead: html`to your account on <strong>${serverName}</strong>`,
    fields: html`<label for="user">User name or e-mail address</label>
<input id="user" name="user" maxlength="255" required autofocus autocomplete="username" autocapitalize="none" spellcheck="false">
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="current-password">${recovers ? html`\n<p class="hint"><a href="${PASSWORD_PAGE}">Forgotten your password?</a></p>` : undefined}`,
    button: 'Log in',
    ...(registration === 'closed'
      ? {}
      : { swap: html`No account yet? <a id="swap" href="${REGISTER_PAGE}">Create one</a>` }),
    rest: html`<div id="others" hidden>
<h2>Other ways to log in</h2>
<ul class="choices" id="providers"></ul>
</div>
`,
    webClient,
    script: LOGIN_SCRIPT,
  })
