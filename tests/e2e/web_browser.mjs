// A browser on a string: reads commands from standard input, one JSON object to a line, and answers likewise.
//
//     node web_browser.mjs NODE_MODULES CHROMIUM
//
// {"do": "open", "url": ..., ...} begins anew with an empty profile; the other commands are about that page.
// Answers: {"value": ...}, or {"error": "..."}.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [modules, chromium] = process.argv.slice(2);
const { chromium: driver } = createRequire(`${modules}/`)("playwright-core");
const PATIENCE_MS = 1000 * (process.env.AIRLIFT_E2E_PATIENCE_S ?? 60); // for what must happen

// Root may not use Chromium's sandbox, and containers have little shared memory.
const browser = await driver.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
let context, page, cdp;
let requests, messages; // what the page asked for and complained of

/** The value of an expression, whatever the page's policy says of eval(). */
async function evaluate(expression) {
  const { result, exceptionDetails } = await cdp.send("Runtime.evaluate",
    { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) {
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }
  return result.value;
}

const commands = {
  async open({ url, scheme = "light", width = 1180, height = 900, scale = 1, clock = false }) {
    await context?.close();
    context = await browser.newContext({
      ignoreHTTPSErrors: true, colorScheme: scheme, viewport: { width, height }, deviceScaleFactor: scale,
      locale: "en-GB", timezoneId: "UTC",
    });
    page = await context.newPage();
    cdp = await context.newCDPSession(page);
    requests = [];
    messages = [];
    page.on("request", (request) => requests.push(`${request.method()} ${request.url()}`));
    page.on("console", (message) => messages.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => messages.push(`exception: ${error}`));
    page.on("dialog", (dialog) => { messages.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    if (clock) {
      await page.clock.install();
    }
    await page.goto(url);
  },
  eval: ({ js }) => evaluate(js),
  async wait({ js }) {
    const until = Date.now() + PATIENCE_MS;
    for (;;) {
      const value = await evaluate(js);
      if (value) {
        return value;
      }
      if (Date.now() > until) {
        throw new Error(`never true: ${js}\n${await evaluate("document.body.innerText")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  },
  fill: ({ selector, text }) => page.fill(selector, text),
  click: ({ selector }) => page.click(selector),
  press: ({ key }) => page.keyboard.press(key),
  forward: ({ ms }) => page.clock.fastForward(ms),
  scheme: ({ scheme }) => page.emulateMedia({ colorScheme: scheme }),
  resize: ({ width, height = 900 }) => page.setViewportSize({ width, height }),
  reload: () => page.reload(),
  async shot({ path, full = true }) {
    await page.screenshot({ path, fullPage: full });
  },
  seen: () => ({ requests, messages }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[command.do](command)) ?? null };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
