// What the server knows, as tiles and tables.

import { $, el, empty, table } from "./dom.js";
import { ago, bytes, count, date, exactly, percent, shareSaved } from "./format.js";

const server = location.origin;

/* --- Savings --- */

function tile(id, label, value, note, title) {
  return el("dl", { class: "tile card" }, el("dt", {}, label), el("dd", { id, title }, value),
    el("dd", { class: "note" }, note));
}

export function showTiles(stats, products) {
  const sent = stats.image_bytes + stats.patch_bytes;
  const offered = products.reduce((n, product) => n + product.patches.length, 0);
  const { made, failed, useless, missing } = stats.patches;
  $("tiles").replaceChildren(
    tile("saved", "Saved by patches", bytes(stats.saved_bytes), "kept off the air", exactly(stats.saved_bytes)),
    tile("share", "Share saved", percent(shareSaved(stats)), `of ${bytes(sent + stats.saved_bytes)} as whole images`, null),
    tile("sent", "Sent", bytes(sent), `${bytes(stats.image_bytes)} images, ${bytes(stats.patch_bytes)} patches`, exactly(sent)),
    tile("patches", "Patches offered", count(offered), `since the start ${count(made)} made, ${count(failed)} failed, ` +
      `${count(useless)} of no use, ${count(missing)} to come`, null));
}

/* --- Releases --- */

const nDevices = (n) => (n === 1 ? "1 device" : `${count(n)} devices`);

const tag = (text, kind) => el("span", { class: `tag ${kind ?? ""}` }, text);

function releaseName(release, product) {
  return el("span", { class: "name" }, release.version,
    release.version === product.newest && tag("newest", "good"), release.withdrawn && tag("withdrawn", "bad"),
    release.mandatory && tag("mandatory"), release.signers.length > 0 && tag("signed"));
}

function bar(share, kind = "") {
  const element = el("span", { class: `bar ${kind}`, "aria-hidden": "true" });
  element.style.setProperty("--share", Number.isFinite(share) ? share : 0);
  return element;
}

const devicesOf = (product) => product.releases.reduce((n, release) => n + release.devices, product.other_devices);

function releaseRow(release, product, served) {
  const none = { image_bytes: 0, patch_bytes: 0, saved_bytes: 0 };
  const b = served.get(`${product.product} ${release.version}`) ?? none;
  const devices = release.devices / devicesOf(product);
  return [releaseName(release, product), el("span", {}, count(release.devices), bar(devices, "devices")),
    date(release.created), bytes(release.size), bytes(b.image_bytes),
    bytes(b.patch_bytes), bytes(b.saved_bytes), el("span", {}, percent(shareSaved(b)), bar(shareSaved(b)))];
}

function patchText(patch, size) {
  const from = patch.from ? `from ${patch.from}` : "whole, compressed";
  const kind = patch.format === "airlift-delta-1" ? `${patch.ram / 1024} KiB RAM` : patch.format;
  return `${from}: ${bytes(patch.size)}, ${percent(patch.size / size)} (${kind})`;
}

function productCard(product, served) {
  const newest = product.releases.find((release) => release.version === product.newest);
  const columns = [{ title: "version" }, { title: "devices", number: true }, { title: "published" },
    ...["size", "sent whole", "sent as patches", "saved", "share"].map((title) => ({ title, number: true }))];
  return el("article", { class: "card" },
    el("h3", {}, product.product, el("span", { class: "note" }, `${product.chip}, ${product.releases[0].project}`)),
    table(`Releases of ${product.product}`, columns, product.releases.map((r) => releaseRow(r, product, served))),
    product.other_devices > 0 &&
      el("p", { class: "note" }, `Images that are not published here: ${nDevices(product.other_devices)}.`),
    newest && el("p", { class: "offered" }, el("span", { class: "note" }, `Patches to ${newest.version} `),
      ...(product.patches.length > 0 ? product.patches.map((patch) => tag(patchText(patch, newest.size)))
        : [el("span", { class: "note" }, "none")])));
}

export function showReleases(products, stats) {
  const served = new Map(stats.releases.map((r) => [`${r.product} ${r.version}`, r]));
  $("releases").replaceChildren(...(products.length > 0 ? products.map((product) => productCard(product, served))
    : [empty("Nothing is published yet. To publish a first release:",
      `airlift publish build/app.bin --product lamp --server ${server}`)]));
}

/* --- Devices --- */

/** A moment, as a distance that showTimes() keeps true. */
const moment = (text) => el("time", { datetime: text, title: date(text) }, ago(Date.parse(text)));

export function showTimes() {
  for (const element of document.querySelectorAll("time")) {
    element.textContent = ago(Date.parse(element.dateTime));
  }
}

function failureText(device) {
  if (!device.failure) {
    return "";
  }
  // Told at the last check, too: it is not over.
  const kind = device.failed === device.seen ? "bad" : null;
  return el("span", { class: "name" }, tag(device.failure, kind), el("span", { class: "note" }, moment(device.failed)));
}

function deviceRow(device) {
  const version = device.version || "unknown";
  return [el("span", { class: "id", title: device.id }, device.id), device.product,
    el("span", { class: "name" }, version, !device.released && tag("not published")), moment(device.seen), failureText(device)];
}

export function showDevices({ devices, found }, products, search) {
  const example = products[0]?.product ?? "lamp";
  if (devices.length === 0) {
    $("devices").replaceChildren(search ? empty("No device has that in its id, product, version or failure.")
      : empty("No device has asked for updates yet. A virtual one does with:",
        `airlift device run FLASH.bin --manifest-url ${server}/firmware/${example}/version.json --ca cert.pem`));
    return;
  }
  const columns = ["id", "product", "runs", "last seen", "last failure"].map((title) => ({ title }));
  $("devices").replaceChildren(el("div", { class: "card" }, table("Devices", columns, devices.map(deviceRow)),
    el("p", { class: "note" }, devices.length < found
      ? `${count(devices.length)} of ${nDevices(found)}, those seen last.` : `${nDevices(found)}.`)));
}

/* --- Failures --- */

export function showFailures(failures) {
  const list = Object.entries(failures).sort((a, b) => b[1] - a[1]);
  const most = Math.max(...Object.values(failures));
  $("failures").replaceChildren(list.length === 0
    ? el("p", { class: "empty card" }, "No device has said that an update failed.")
    : el("div", { class: "card" }, table("Failures by reason",
      [{ title: "reason" }, { title: "times", number: true }, { title: "" }],
      list.map(([reason, n]) => [reason, count(n), bar(n / most, "bad")]))));
}
