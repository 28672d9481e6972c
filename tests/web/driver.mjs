// A small client of ChromeDriver (https://www.w3.org/TR/webdriver2/), so that the test needs nothing
// but Debian's chromium, chromium-driver and nodejs.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Browser {
  /// `before` is a script that each page runs before its own.
  static async open({ width, height, dark = false, before = "" }) {
    const browser = new Browser();
    const port = await freePort();
    browser.process = spawn("chromedriver", [`--port=${port}`], { stdio: "ignore" });
    browser.base = `http://127.0.0.1:${port}`;
    const args = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
      `--window-size=${width},${height}`, "--force-prefers-reduced-motion",
      ...(dark ? ["--blink-settings=preferredColorScheme=0"] : [])];
    const capabilities = { alwaysMatch: {
      browserName: "chrome",
      "goog:chromeOptions": { args, binary: process.env.CHROMIUM ?? "/usr/bin/chromium" },
      "goog:loggingPrefs": { browser: "ALL" } } };
    for (let attempt = 0; ; ++attempt) {
      try {
        const { sessionId } = await browser.send("POST", "/session", { capabilities });
        browser.base += `/session/${sessionId}`;
        break;
      } catch (error) {
        if (attempt > 60) throw error;
        await sleep(500);
      }
    }
    await browser.send("POST", "/timeouts", { script: 300000, pageLoad: 300000 });
    // The window's size in headless mode is not the page's below 500 pixels.
    await browser.chrome("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 500 });
    await browser.chrome("Emulation.setEmulatedMedia", { features: [
      { name: "prefers-color-scheme", value: dark ? "dark" : "light" }, { name: "prefers-reduced-motion", value: "reduce" }] });
    if (before) await browser.chrome("Page.addScriptToEvaluateOnNewDocument", { source: before });
    return browser;
  }
  async send(method, path, body) {
    const answer = await fetch(this.base + path, {
      method, body: body && JSON.stringify(body), headers: { "content-type": "application/json" } });
    const { value } = await answer.json();
    if (value?.error) throw new Error(`${path}: ${value.message}`);
    return value;
  }
  chrome(cmd, params) {
    return this.send("POST", "/goog/cdp/execute", { cmd, params });
  }
  go(url) {
    return this.send("POST", "/url", { url });
  }
  /// The result of a function's body, run in the page.
  run(script, ...args) {
    return this.send("POST", "/execute/sync", { script, args });
  }
  async until(script, what, seconds = 60) {
    const end = Date.now() + 1000 * seconds;
    while (Date.now() < end) {
      if (await this.run(script)) return;
      await sleep(150);
    }
    throw new Error(`after ${seconds} s there is still not: ${what}`);
  }
  async element(selector) {
    const found = await this.send("POST", "/element", { using: "css selector", value: selector });
    return Object.values(found)[0];
  }
  async click(selector) {
    const id = await this.element(selector);
    await this.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", { "element-6066-11e4-a52e-4f735466cecf": id });
    await this.send("POST", `/element/${id}/click`, {});
  }
  async type(selector, text) {
    await this.send("POST", `/element/${await this.element(selector)}/value`, { text });
  }
  /// Drags a pointer along points of an element, given from 0 to 1 of its width and height.
  async drag(selector, strokes, pointerType = "mouse") {
    const box = await this.run(`const element = document.querySelector(arguments[0]);
      element.scrollIntoView({ block: "center", behavior: "instant" });
      const { left, top, width, height } = element.getBoundingClientRect(); return { left, top, width, height };`, selector);
    const at = ([x, y]) => ({ type: "pointerMove", duration: 10, x: Math.round(box.left + x * box.width), y: Math.round(box.top + y * box.height) });
    const actions = strokes.flatMap(([first, ...rest]) => [
      at(first), { type: "pointerDown", button: 0 }, ...rest.map(at), { type: "pointerUp", button: 0 }]);
    await this.send("POST", "/actions", { actions: [{ type: "pointer", id: pointerType, parameters: { pointerType }, actions }] });
  }
  /// Errors and warnings on the console since the last call.
  async complaints() {
    const entries = await this.send("POST", "/se/log", { type: "browser" });
    return entries.filter(({ level }) => level !== "INFO" && level !== "DEBUG").map(({ message }) => message);
  }
  /// Of an element, or of the window; what lies outside the window, too.
  async screenshot(file, selector) {
    if (selector) await this.run("scrollTo({ top: 0, behavior: 'instant' })"); // the header stays up there
    const clip = selector && (await this.run(`const box = document.querySelector(arguments[0]).getBoundingClientRect();
      return { x: box.left + scrollX, y: box.top + scrollY, width: box.width, height: box.height, scale: 1 };`, selector));
    const { data } = await this.chrome("Page.captureScreenshot", { captureBeyondViewport: true, ...(clip && { clip }) });
    writeFileSync(file, Buffer.from(data, "base64"));
  }
  async close() {
    await this.send("DELETE", "").catch(() => {});
    this.process.kill();
  }
}
