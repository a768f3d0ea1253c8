// Numbers and times as people read them.

const units = ["B", "KB", "MB", "GB", "TB", "PB"]; // powers of 1000, as networks count

export function bytes(n) {
  let unit = 0;
  while (n >= 999.5 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  return `${unit === 0 || n >= 99.95 ? Math.round(n) : n.toFixed(n >= 9.995 ? 1 : 2)} ${units[unit]}`;
}

export const exactly = (n) => `${n.toLocaleString("en")} bytes`;

export const count = (n) => n.toLocaleString("en");

/** 0.123 is "12.3 %"; a share of nothing is "–". */
export const percent = (share) => (Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "–");

/** What patches kept off the air, of all that whole images would have taken. */
export const shareSaved = (b) => b.saved_bytes / (b.saved_bytes + b.patch_bytes + b.image_bytes);

export function ago(then, now = Date.now()) {
  const s = Math.max(0, Math.round((now - then) / 1000));
  const [n, unit] = s < 60 ? [s, "s"] : s < 3600 ? [s / 60, "min"] : s < 86400 ? [s / 3600, "h"] : [s / 86400, "d"];
  return `${Math.floor(n)} ${unit} ago`;
}

export const date = (text) => new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
