// Asks the server every few seconds, while somebody looks, and shows what is new.

import { forgetToken, get, hasToken, setToken, Unauthorized } from "./api.js";
import { showChart } from "./chart.js";
import { $ } from "./dom.js";
import { ago } from "./format.js";
import { showFailures, showReleases, showTiles } from "./sections.js";

const PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 60000;

let timer = null;
let asking = false;
let pause = PAUSE_MS;
let answeredAt = null; // when the figures shown came
let shown = ""; // as text, to see what is new

/* --- What the page says of itself --- */

function showState(kind, text) {
  document.body.dataset.state = kind;
  if ($("state").textContent !== text) {
    $("state").textContent = text;
  }
}

function showAlert(text) {
  $("alert").hidden = text === "";
  if ($("alert").textContent !== text) {
    $("alert").textContent = text;
  }
}

function showSignIn(error) {
  clearTimeout(timer);
  $("main").hidden = $("sign-out").hidden = true;
  $("sign-in").hidden = false;
  $("sign-in-error").textContent = error;
  showAlert("");
  showState("signed-out", "signed out");
  $("token").focus();
}

/* --- Asking --- */

async function fetchAll() {
  const [stats, { products }] = await Promise.all([get("v1/stats"), get("v1/products")]);
  return { stats, products };
}

function show({ stats, products }) {
  $("sign-in").hidden = true;
  $("main").hidden = $("sign-out").hidden = false;
  const text = JSON.stringify([stats, products]);
  // Untouched if nothing is new, so that what is selected or scrolled stays; but the chart goes on with the clock.
  if (text !== shown) {
    showTiles(stats, products);
    showReleases(products, stats);
    showFailures(stats.failures);
    shown = text;
  }
  showChart(stats);
}

async function ask() {
  if (asking || !hasToken() || document.hidden) {
    return;
  }
  clearTimeout(timer);
  asking = true;
  const start = performance.now();
  try {
    const all = await fetchAll();
    if (hasToken()) { // nobody has signed out meanwhile
      show(all);
      answeredAt = Date.now();
      showAlert("");
      showState("live", "live");
      // A server that takes long is asked less often.
      pause = Math.min(LONGEST_PAUSE_MS, Math.max(PAUSE_MS, 10 * (performance.now() - start)));
    }
  } catch (error) {
    fail(error);
  } finally {
    asking = false;
  }
  if (hasToken() && !document.hidden) {
    timer = setTimeout(ask, pause);
  }
}

function fail(error) {
  if (error instanceof Unauthorized) {
    forgetToken();
    showSignIn("The server does not take this token.");
    return;
  }
  pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
  const why = error.name === "TimeoutError" || error instanceof TypeError ? "it does not answer" : error.message;
  const old = answeredAt ? ` The figures below came ${ago(answeredAt)}.` : "";
  showAlert(`${location.origin} is away: ${why}.${old} Trying again every ${Math.round(pause / 1000)} s.`);
  showState("away", "no answer");
}

/* --- People --- */

$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  setToken($("token").value.trim());
  $("token").value = "";
  $("sign-in-error").textContent = "";
  pause = PAUSE_MS;
  ask();
});

$("sign-out").addEventListener("click", () => {
  forgetToken();
  showSignIn("");
});

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (document.hidden) {
    showState("paused", "paused");
  } else {
    ask();
  }
});

if (hasToken()) {
  showState("asking", "asking the server");
  ask();
} else {
  showSignIn("");
}
