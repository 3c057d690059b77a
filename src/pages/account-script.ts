import type { CustomReply } from '#http'
import { type Html, heading, html } from './html.ts'
import { type HtmlPage, htmlReply, PageScript } from './html-page.ts'
import { clientName } from './landing-page.ts'

/**
 * The script that the pages for login and registration share: it calls the server and shows its errors in words. Clients put their functions
 * into `window.matrixLogin` and `window.matrixRegistration` after the page was loaded, so the page is never loaded again. Each page has both,
 * as people go from one to the other, and an app listens to the one that it opened.
 */
const SHARED = `
var main = document.querySelector("main");
var form = document.querySelector("form");
var refusal = document.getElementById("refusal");
var query = new URLSearchParams(location.search);
var pageTitle = document.title;
window.matrixLogin = window.matrixLogin || {};
window.matrixRegistration = window.matrixRegistration || {};

function say(text, field) {
  refusal.textContent = text;
  refusal.hidden = text === "";
  document.title = text === "" ? pageTitle : "Error: " + pageTitle;
  form.querySelectorAll("input").forEach(function (input) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  });
  if (field) {
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", "refusal");
    field.focus();
  }
}

function busy(isBusy) {
  main.setAttribute("aria-busy", String(isBusy));
  form.querySelector("button").disabled = isBusy;
}

async function ask(path, body) {
  var answer;
  try {
    answer = await fetch("/_matrix/client" + (path.startsWith("/v1/") ? path : "/v3" + path), body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  } catch (error) {
    return { status: 0, body: {} };
  }
  try {
    return { status: answer.status, body: await answer.json() };
  } catch (error) {
    return { status: answer.status, body: {} };
  }
}

function sentence(text) {
  return /[.!?]$/.test(text) ? text : text + ".";
}

function words(answer) {
  if (answer.status === 0) return "The server cannot be reached. Check your connection and try again.";
  if (answer.body.errcode === "M_LIMIT_EXCEEDED") {
    var seconds = Math.ceil((answer.body.retry_after_ms || 1000) / 1000);
    return "Too many attempts. Try again in " + (seconds === 1 ? "1 second." : seconds + " seconds.");
  }
  return sentence(answer.body.error || "The server has a problem. Try again later.");
}

/** Parameters of the address that go along with the request. */
function along() {
  var members = {};
  ["device_id", "initial_device_display_name"].forEach(function (name) {
    if (query.has(name)) members[name] = query.get(name);
  });
  if (query.get("refresh_token") === "true") members.refresh_token = true;
  return members;
}

/** Calls the function that the app left at one of the places, or leaves there: it may come only after a login at a provider was over. */
function tell(places) {
  var isTold = false;
  function once(place, listener) {
    if (isTold || typeof listener !== "function") return;
    isTold = true;
    place.call(listener);
  }
  places.forEach(function (place) { once(place, place.object[place.name]); });
  places.forEach(function (place) {
    if (isTold) return;
    var value;
    Object.defineProperty(place.object, place.name, {
      configurable: true,
      get: function () { return value; },
      set: function (listener) {
        value = listener;
        once(place, listener);
      },
    });
  });
}

function tellApp(response) {
  function inParts(listener) { listener(response.home_server, response.user_id, response.access_token); }
  // Some old clients take a login in parts too; their function has several parameters.
  function login(listener) {
    if (listener.length > 1) inParts(listener);
    else listener(response);
  }
  tell([
    { object: window.matrixLogin, name: "onLogin", call: login },
    { object: window, name: "onLogin", call: login },
    { object: window.matrixRegistration, name: "onRegistered", call: inParts },
    { object: window, name: "onRegistered", call: inParts },
  ]);
}

function finish(title, response) {
  say("");
  busy(false);
  document.title = title;
  var done = document.getElementById("done");
  document.getElementById("ask").hidden = true;
  done.querySelector("h1").textContent = title;
  done.hidden = false;
  done.querySelector("h1").focus();
  if (response === undefined) return;
  done.querySelector(".who").textContent = response.user_id;
  done.querySelector(".here").textContent = location.origin;
  done.querySelector(".phone").href += "?hs_url=" + encodeURIComponent(location.origin);
  tellApp(response);
}

var swap = document.getElementById("swap");
if (swap) swap.search = new URLSearchParams(along()).toString();
`

/** The code has a scope of its own, as apps put names into the page. */
export const accountScript = (code: string): PageScript => new PageScript(`(function () {${SHARED}${code}})();`)

export interface AccountPagesView {
  readonly serverName: string
  readonly registration: 'open' | 'token' | 'closed'
  /** Whether a registration asks for an e-mail address. */
  readonly email: 'off' | 'optional' | 'required'
  /** Whether a mail brings people back in who forgot their password. */
  readonly recovers: boolean
  /** The client that the pages lead to in a browser. */
  readonly webClient: string
}

export const LOGIN_PAGE = '/_matrix/static/client/login/'
export const REGISTER_PAGE = '/_matrix/static/client/register/'
export const PASSWORD_PAGE = '/_matrix/static/client/forgotten-password/'

interface AccountPage {
  readonly title: string
  readonly lead: Html
  readonly fields: Html
  readonly button: string
  /** A link to the other of the two pages. */
  readonly swap?: Html
  readonly rest?: Html
  /** Shown when all is done, in place of the account and how to use it. */
  readonly done?: Html
  readonly webClient: string
  readonly script: PageScript
  readonly frames?: boolean
}

const accountDone = (webClient: string): Html => html`<p>Your user id is <strong class="who"></strong>.</p>
<p>You can close this window and go on in your app.</p>
<p class="hint">No app yet? <a href="${webClient}" target="_blank" rel="noopener noreferrer">${clientName(webClient)}</a> (opens in a new window) is one. Where it asks for the
homeserver, enter <code class="here"></code>. On a phone, <a class="phone" href="https://mobile.element.io/">the app of Element</a> opens with this server.</p>`

/** A form that a script sends; without scripts the page says so. */
export const accountPage = ({
  title,
  lead,
  fields,
  button,
  swap,
  rest,
  done,
  webClient,
  script,
  frames = false,
}: AccountPage): CustomReply => {
  const page: HtmlPage = {
    status: 200,
    title,
    main: html`<div id="ask">
<h1>${heading(title)}</h1>
<p>${lead}</p>
<noscript><p class="refusal">This page needs JavaScript, which this browser does not run.</p></noscript>
<p class="refusal" id="refusal" role="alert" hidden></p>
<form method="post">
${fields}
<button type="submit">${button}</button>
${
  swap === undefined
    ? undefined
    : html`<p>${swap}</p>
`
}</form>
${rest}</div>
<div id="done" role="status" aria-live="polite" hidden>
<p class="state">Done</p>
<h1 tabindex="-1"></h1>
${done ?? accountDone(webClient)}
</div>`,
    scripts: [script],
    calls: true,
    frames,
    headers: { 'Cache-Control': 'no-store' },
  }
  return htmlReply(page)
}
