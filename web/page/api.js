// Requests to the server that this page came from, with the admin token.

const KEY = "airlift.token";
const TIMEOUT_MS = 10000;

export const hasToken = () => sessionStorage.getItem(KEY) !== null;
export const setToken = (token) => sessionStorage.setItem(KEY, token);
export const forgetToken = () => sessionStorage.removeItem(KEY);

/** The token is none of the server's. */
export class Unauthorized extends Error {}

/** A document of the API. Throws Unauthorized, or an Error that says what is wrong. */
export async function get(path) {
  const answer = await fetch(path, {
    headers: { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` },
    cache: "no-store",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (answer.status === 401) {
    throw new Unauthorized();
  }
  if (!answer.ok) {
    throw new Error(`the server answers ${answer.status} to ${path}`);
  }
  return answer.json();
}
