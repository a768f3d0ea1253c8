// Requests to the server that this page came from, with the admin token.

const KEY = "airlift.token";
const TIMEOUT_MS = 10000;

export const hasToken = () => sessionStorage.getItem(KEY) !== null;
export const setToken = (token) => sessionStorage.setItem(KEY, token);
export const forgetToken = () => sessionStorage.removeItem(KEY);

/** The token is none of the server's. */
export class Unauthorized extends Error {}

/** Nothing of use came; the message says what the server does. */
export class Away extends Error {}

/** A document of the API. Throws Unauthorized or Away. */
export async function get(path) {
  const options = {
    headers: { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` },
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  };
  const answer = await fetch(path, options).catch(() => { throw new Away("it does not answer"); });
  if (answer.status === 401) {
    throw new Unauthorized();
  }
  if (!answer.ok) {
    throw new Away(`it answers ${answer.status} to ${path}`);
  }
  return answer.json().catch(() => { throw new Away("its answer broke off"); });
}
