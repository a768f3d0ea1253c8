// Asks the server every few seconds, while somebody looks, and shows what is new.

import { Away, forgetToken, get, hasToken, setToken, Unauthorized } from "./api.js";
import { showChart } from "./chart.js";
import { $ } from "./dom.js";
import { ago } from "./format.js";
import { showDevices, showFailures, showReleases, showTiles, showTimes } from "./sections.js";

const PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 60000;
const TYPING_MS = 250;

let timer = null;
let asking = false;
let again = false; // something else is wanted than what is being asked for
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
  const search = $("search").value.trim();
  const [stats, { products }, devices] = await Promise.all([get("v1/stats"), get("v1/products"),
    get(`v1/devices?search=${encodeURIComponent(search)}`)]);
  return { stats, products, devices, search };
}

function show({ stats, products, devices, search }) {
  $("sign-in").hidden = true;
  $("main").hidden = $("sign-out").hidden = false;
  const text = JSON.stringify([stats, products, devices, search]);
  // Untouched if nothing is new, so that what is selected or scrolled stays; but the chart goes on with the clock.
  if (text !== shown) {
    showTiles(stats, products);
    showReleases(products, stats);
    showDevices(devices, products, search);
    showFailures(stats.failures);
    shown = text;
  }
  showTimes();
  showChart(stats);
}

async function ask() {
  again = asking;
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
    if (hasToken() && !document.hidden) {
      timer = setTimeout(ask, again ? 0 : pause);
    }
  }
}

function fail(error) {
  if (error instanceof Unauthorized) {
    forgetToken();
    showSignIn("The server does not take this token.");
    return;
  }
  if (!(error instanceof Away)) {
    throw error;
  }
  pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
  const old = answeredAt ? ` The figures below came ${ago(answeredAt)}.` : "";
  showAlert(`${location.origin} is away: ${error.message}.${old} Trying again every ${Math.round(pause / 1000)} s.`);
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

$("search").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, TYPING_MS);
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
